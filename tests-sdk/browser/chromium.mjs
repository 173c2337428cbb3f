// A headless Chromium of its own that is spoken to by a pipe: it needs no port, and it ends when the pipe does.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync } from "node:fs";
import { join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

const SWITCHES = [
  "--headless",
  "--remote-debugging-pipe",
  "--no-first-run",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  // It does not work for root and in most containers, and the only page that will be seen is ours.
  "--no-sandbox",
  // It shall speak to nobody but the page.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export class Chromium {
  #process;
  #next = 1;
  #waiting = new Map();
  #events = new Map();
  #heard = "";

  // Whatever it writes goes into a folder below this one.
  static async start(folder) {
    for (const name of NAMES) {
      const started = await Chromium.#spawn(name, mkdtempSync(join(folder, "chromium-")));
      if (started) return new Chromium(started);
    }
    throw new Error(`none of ${NAMES} is installed: cargo xtask test does it, or says how`);
  }

  static async #spawn(name, home) {
    const log = openSync(join(home, "log"), "w");
    const child = spawn(name, [...SWITCHES, `--user-data-dir=${join(home, "profile")}`], {
      env: { ...process.env, HOME: home, TMPDIR: home },
      stdio: ["ignore", log, log, "pipe", "pipe"],
    });
    try {
      await once(child, "spawn");
      return child;
    } catch (error) {
      if (error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  constructor(child) {
    this.#process = child;
    child.stdio[4].setEncoding("utf8").on("data", (words) => this.#hear(words));
    child.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`Chromium ended: ${code ?? signal}`));
    });
  }

  // Messages are JSON with a zero byte behind.
  #hear(words) {
    const messages = (this.#heard + words).split("\0");
    this.#heard = messages.pop();
    for (const { id, result, error, method } of messages.map((message) => JSON.parse(message))) {
      this.#events.get(method)?.();
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    }
  }

  // A command of the DevTools protocol.
  tell(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  // Opens a page and waits until it is there; gives what tells it commands.
  async open(url) {
    const { targetId } = await this.tell("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.tell("Target.attachToTarget", { targetId, flatten: true });
    const tell = (method, params) => this.tell(method, params, sessionId);
    await tell("Page.enable");
    const loaded = new Promise((resolve) => this.#events.set("Page.loadEventFired", resolve));
    const { errorText } = await tell("Page.navigate", { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
    return tell;
  }

  async close() {
    const ended = once(this.#process, "exit");
    await this.tell("Browser.close");
    await ended;
  }

  kill() {
    this.#process.kill("SIGKILL");
  }
}
