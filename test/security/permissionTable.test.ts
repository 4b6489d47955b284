/** The decision table on the binary: every route, asked with every kind of token. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { permits } from "../../lib/control/auth/permissions.ts";
import { routes } from "../../lib/control/http/routes.ts";
import type { Role } from "../../lib/protocol/api/tokens.ts";
import { adminToken } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";

setDefaultTimeout(60_000);

/** What each asks with: a role, narrowed or not, in force or not. */
const askers = [
  { name: "an admin's token", role: "admin", args: [] },
  { name: "an operator's", role: "operator", args: ["--role", "operator"] },
  {
    name: "an operator's for one command",
    role: "operator",
    args: ["--role", "operator", "--allow", "ping"],
  },
  {
    name: "an operator's for some agents",
    role: "operator",
    args: ["--role", "operator", "--target", "env=staging"],
  },
  { name: "a viewer's", role: "viewer", args: ["--role", "viewer"] },
  {
    name: "a viewer's for some agents",
    role: "viewer",
    args: ["--role", "viewer", "--target", "env=staging"],
  },
  { name: "an agent's", role: "agent", args: ["--agent", "plc-7"] },
  { name: "a join token", role: "join", args: ["--join"] },
  {
    name: "one from elsewhere",
    role: undefined,
    args: ["--role", "operator", "--allow-from", "192.0.2.1"],
  },
  { name: "one that was revoked", role: undefined, args: ["--role", "operator"] },
  { name: "none", role: undefined, args: undefined },
] as const;

/** Allowed by the role, and refused by what the token is narrowed to, or by what an agent is. */
const narrower: Record<string, readonly string[]> = {
  "GET /api/v1/artifacts": [
    ...["an operator's for one command", "an operator's for some agents", "an agent's"],
  ],
  "POST /api/v1/jobs": ["an operator's for one command"],
};

const bodies: Record<string, string> = {
  "POST /api/v1/jobs": '{"command":"restart","target":{"agents":["nobody"]}}',
};

let fleet: JoinableFleet;
let ca = "";
const tokens = new Map<string, string>();

beforeAll(async () => {
  fleet = await JoinableFleet.start();
  ca = await Bun.file(`${fleet.dataDir}/tls/ca.pem`).text();
  for (const { name, role, args } of askers) {
    if (args === undefined) continue;
    const made = role === "admin" ? adminToken(fleet.dataDir) : await fleet.newToken(...args);
    tokens.set(name, role === "join" ? (made.split(".")[3] ?? "") : made);
  }
  const [, id = ""] = (tokens.get("one that was revoked") ?? "").split("-");
  await fleet.run("tokens", "revoke", id);
});
afterAll(() => fleet[Symbol.asyncDispose]());

describe.each(askers.map(({ name, role }) => [name, role] as const))("with %s", (name, role) => {
  const cells = routes.map((route) => [`${route.method} ${route.path}`, route] as const);
  test.each(cells)("%s", async (path, route) => {
    const token = tokens.get(name);
    const url = fleet.serving.url + route.path.replace(/:\w+/g, "none");
    const { status } = await fetch(url, {
      method: route.method,
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      ...(route.method === "POST" ? { body: bodies[path] ?? "{}" } : {}),
      tls: { ca },
    });
    if (role === undefined) return expect([401, 429]).toContain(status);
    const isPermitted = permits(role as Role, route.permission);
    const isRefused = !isPermitted || (narrower[path]?.includes(name) ?? false);
    if (isRefused) expect(status).toBe(403);
    else expect([200, 201, 400, 404, 409, 422]).toContain(status);
  });
});
