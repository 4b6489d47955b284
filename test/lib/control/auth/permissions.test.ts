/** The decision table: every route, every role. A route that is added must be added here too. */
import { describe, expect, test } from "bun:test";
import { readsOnly } from "../../../../lib/control/api/route.ts";
import { permits, rolesWith } from "../../../../lib/control/auth/permissions.ts";
import { routes } from "../../../../lib/control/http/routes.ts";
import { roles } from "../../../../lib/protocol/api/tokens.ts";

const people = ["admin", "operator", "viewer"];
const commanders = ["admin", "operator"];

/** Who alone may ask what. */
const table: Record<string, readonly string[]> = {
  "POST /api/v1/jobs": commanders,
  "GET /api/v1/jobs": people,
  "GET /api/v1/jobs/:job_id": people,
  "POST /api/v1/jobs/:job_id/cancel": commanders,
  "POST /api/v1/jobs/:job_id/approve": commanders,
  "POST /api/v1/jobs/:job_id/pause": commanders,
  "POST /api/v1/jobs/:job_id/resume": commanders,
  "POST /api/v1/jobs/:job_id/retry": commanders,
  "POST /api/v1/targets": people,
  "POST /api/v1/templates": commanders,
  "GET /api/v1/templates": people,
  "GET /api/v1/templates/:name": people,
  "POST /api/v1/templates/:name/run": commanders,
  "POST /api/v1/templates/:name/trigger": [...commanders, "trigger"],
  "DELETE /api/v1/templates/:name": commanders,
  "POST /api/v1/saved-targets": commanders,
  "GET /api/v1/saved-targets": people,
  "DELETE /api/v1/saved-targets/:name": commanders,
  "POST /api/v1/schedules": commanders,
  "GET /api/v1/schedules": people,
  "GET /api/v1/schedules/:name": people,
  "POST /api/v1/schedules/:name/pause": commanders,
  "POST /api/v1/schedules/:name/resume": commanders,
  "POST /api/v1/schedules/:name/run": commanders,
  "DELETE /api/v1/schedules/:name": commanders,
  "GET /api/v1/jobs/:job_id/outcomes": people,
  "POST /api/v1/jobs/:job_id/stream": commanders,
  "GET /api/v1/agents": people,
  "GET /api/v1/agents/:agent_id": people,
  "POST /api/v1/agents/:agent_id/approve": ["admin"],
  "POST /api/v1/agents/:agent_id/labels": ["admin"],
  "POST /api/v1/agents/:agent_id/drain": ["admin"],
  "POST /api/v1/agents/:agent_id/undrain": ["admin"],
  "DELETE /api/v1/agents/:agent_id": ["admin"],
  "POST /api/v1/agents/:agent_id/revoke": ["admin"],
  "POST /api/v1/artifacts": ["admin", "operator", "agent"],
  "GET /api/v1/artifacts": ["admin", "operator", "agent"],
  "GET /api/v1/artifacts/:artifact_id": ["admin", "operator", "agent"],
  "POST /api/v1/artifacts/:artifact_id/complete": ["admin", "operator", "agent"],
  "DELETE /api/v1/artifacts/:artifact_id": ["admin"],
  "POST /api/v1/releases": ["admin"],
  "GET /api/v1/releases": [...people, "agent"],
  "GET /api/v1/releases/:version": [...people, "agent"],
  "DELETE /api/v1/releases/:version": ["admin"],
  "POST /api/v1/tokens": ["admin"],
  "GET /api/v1/tokens": ["admin"],
  "POST /api/v1/tokens/:token_id/rotate": ["admin"],
  "DELETE /api/v1/tokens/:token_id": ["admin"],
  "GET /api/v1/whoami": [...people, "metrics", "trigger"],
  "POST /api/v1/tool-calls/:tool": people,
  "GET /api/v1/events": people,
  "GET /api/v1/session": commanders,
  "POST /api/v1/webhooks": ["admin"],
  "GET /api/v1/webhooks": ["admin"],
  "GET /api/v1/webhooks/:name": ["admin"],
  "POST /api/v1/webhooks/:name/test": ["admin"],
  "DELETE /api/v1/webhooks/:name": ["admin"],
  "GET /api/v1/openapi.json": [...people, "metrics", "trigger"],
  "GET /metrics": [...people, "metrics"],
  "GET /api/v1/cluster": [...people, "metrics"],
  "POST /api/v1/join": ["join"],
  "POST /api/v1/login": ["login"],
  "POST /api/v1/agent-key": ["agent"],
  "GET /api/v1/audit": ["admin"],
  "GET /api/v1/audit/verify": ["admin"],
  "GET /api/v1/backup": ["admin"],
};

describe("the decision table", () => {
  test("knows every route and no other", () => {
    const known = routes.map(({ method, path }) => `${method} ${path}`);
    expect(known.sort()).toEqual(Object.keys(table).sort());
    expect(new Set(known).size).toBe(known.length);
  });

  test("has a name in the audit trail for all that changes something", () => {
    const unnamed = routes.filter(({ method, action }) => method !== "GET" && action === undefined);
    // Following a job's output changes nothing, nor does asking whom a target means.
    const harmless = ["/api/v1/jobs/:job_id/stream", "/api/v1/targets"];
    expect(unnamed.map(({ path }) => path).sort()).toEqual(harmless);
  });

  test("a read-only console reads, and has nothing that outlives the answer", () => {
    const kept = routes.filter((route) => route.method === "GET" && !readsOnly(route));
    expect(kept.map(({ path }) => path).sort()).toEqual([
      "/api/v1/artifacts/:artifact_id",
      "/api/v1/backup",
      "/api/v1/events",
      "/api/v1/jobs/:job_id/outcomes",
      "/api/v1/releases",
      "/api/v1/releases/:version",
      "/api/v1/session",
    ]);
    expect(routes.filter((route) => route.method !== "GET" && readsOnly(route))).toEqual([]);
  });

  test("no console session calls what is for programs, or returns everything", () => {
    const kept = routes.filter(({ notInConsole }) => notInConsole);
    expect(kept.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      "DELETE /api/v1/releases/:version",
      "GET /api/v1/backup",
      "GET /api/v1/releases",
      "GET /api/v1/releases/:version",
      "POST /api/v1/agent-key",
      "POST /api/v1/join",
      "POST /api/v1/login",
      "POST /api/v1/releases",
      "POST /api/v1/tool-calls/:tool",
    ]);
  });

  test("new secrets, schedules and approvals need a recent login at the console", () => {
    const sensitive = routes.filter(({ needsConfirmation }) => needsConfirmation);
    expect(sensitive.map(({ path }) => path).sort()).toEqual([
      "/api/v1/agents/:agent_id/approve",
      "/api/v1/jobs/:job_id/approve",
      "/api/v1/schedules",
      "/api/v1/tokens",
      "/api/v1/tokens/:token_id/rotate",
      "/api/v1/webhooks",
    ]);
  });

  const cells = routes.flatMap((route) => roles.map((role) => ({ route, role })));
  test.each(
    cells.map(({ route, role }) => [`${route.method} ${route.path}`, role, route] as const),
  )("%s by %s", (name, role, route) => {
    expect(permits(role, route.permission)).toBe(table[name]?.includes(role) ?? false);
  });

  test("permissions: rolesWith() lists the roles that have the permission", () => {
    expect(rolesWith("jobs.create") as string[]).toEqual(["admin", "operator"]);
  });
});
