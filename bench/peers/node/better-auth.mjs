// better-auth on SQLite: one process of Node. The database file is the only argument.
//
// Sessions are made by signing up, which hashes a password; only reading them is measured.
import { createServer } from "node:http";

import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import Database from "better-sqlite3";

const database = new Database(process.argv[2]);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
const options = {
  database,
  baseURL: "http://localhost",
  secret: "a secret of the benchmark, 32 bytes or more",
  emailAndPassword: { enabled: true },
  // Off, for the load comes from one address.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
};
await (await getMigrations(options)).runMigrations();
const handler = toNodeHandler(betterAuth(options));
const server = createServer((request, response) => handler(request, response));
server.listen(0, "127.0.0.1", () => {
  console.log(`ready on http://127.0.0.1:${server.address().port}`);
});
