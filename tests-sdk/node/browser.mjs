// As much of a browser as a login at the provider of `tests-sdk/provider` needs.

const PATIENCE = 30_000;

class Browser {
  cookies = new Map();

  async send(url, form) {
    const answer = await fetch(url, {
      method: form ? "POST" : "GET",
      body: form && new URLSearchParams(form),
      headers: { cookie: [...this.cookies].map((pair) => pair.join("=")).join("; ") },
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      this.cookies.set(name, value);
    }
    return answer;
  }

  // Follows redirects, logs in and agrees; gives the first address that begins with `until`.
  async follow(start, until) {
    let url = start;
    let answer = await this.send(url);
    for (let hop = 0; hop < 20; hop += 1) {
      const place = answer.headers.get("location");
      if (place) {
        url = new URL(place, url).href;
        if (url.startsWith(until)) return url;
        answer = await this.send(url);
        continue;
      }
      const page = await answer.text();
      if (!page.includes('name="prompt"')) throw new Error(`${answer.status}: ${page}`);
      const login = { prompt: "login", login: "mini", password: "any" };
      answer = await this.send(url, page.includes('value="login"') ? login : { prompt: "consent" });
    }
    throw new Error(`no end of it: ${url}`);
  }
}

// Logs in at the provider and comes back; gives the parameters with which the login page is called at the end.
export async function logIn(start, doorward, success) {
  const browser = new Browser();
  // The provider was told the address by which the world knows the server; here it listens elsewhere.
  const back = new URL(await browser.follow(start, "https://doorward.example/"));
  const end = await browser.follow(`${doorward}${back.pathname}${back.search}`, success);
  return Object.fromEntries(new URL(end).searchParams);
}
