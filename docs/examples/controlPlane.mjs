// A control plane below /fleet of a Hono application, whose people log in as the application says.
import { Hono } from "hono";
import { createControlPlane } from "wsctl/control";

const people = { "key-of-ada": { id: "ada", role: "operator" } };

const app = new Hono();
app.get("/", (c) => c.text("the application"));

const plane = await createControlPlane({
  dataDir: process.env.DATA_DIR,
  mount: { into: app, path: "/fleet" },
  authenticate: (request) => people[request.headers.get("X-Api-Key")],
});
console.log(`serving ${plane.url}`);

process.once("SIGTERM", async () => {
  await plane.close();
  process.exit(0);
});
