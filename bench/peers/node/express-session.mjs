// express-session on PostgreSQL: one process of Node, as most run it. The URL of the database is the only argument.
//
// POST /sessions makes a session of a user, durably; GET /session reads the one that the cookie names.
import connectPgSimple from "connect-pg-simple";
import express from "express";
import session from "express-session";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.argv[2], max: 16 });
const store = new (connectPgSimple(session))({ pool, createTableIfMissing: true, pruneSessionInterval: false });
const app = express();
app.disable("x-powered-by");
app.use(
  session({
    store,
    secret: "a secret of the benchmark",
    // Both as the documentation advises: reading writes nothing, and a visitor without data gets no session.
    resave: false,
    saveUninitialized: false,
    // A read would write the new expiry time otherwise.
    rolling: false,
    cookie: { maxAge: 24 * 60 * 60 * 1000 },
  }),
);
app.post("/sessions", (request, response, next) => {
  request.session.user = { id: "user-1", loginName: "user-1@example.com", verified: Date.now() };
  request.session.save((error) => (error ? next(error) : response.status(201).json({ sessionId: request.sessionID })));
});
app.get("/session", (request, response) => {
  if (!request.session.user) {
    return response.status(401).json({});
  }
  return response.json({ sessionId: request.sessionID, user: request.session.user });
});
const server = app.listen(0, "127.0.0.1", () => {
  console.log(`ready on http://127.0.0.1:${server.address().port}`);
});
