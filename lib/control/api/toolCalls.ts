/** The HTTP route that records a call of a tool by a language model, before the tool does anything. */
import * as v from "valibot";
import { ToolName } from "../../protocol/api/audit.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { toolCallsMax, toolCallsWindowMs } from "../../protocol/limits.ts";
import { auditUnavailable } from "../core/rejections.ts";
import { describeActor } from "./actor.ts";
import type { Route, RouteContext } from "./route.ts";

const action = "tool.call";

export const toolCallRoutes: Route[] = [
  {
    method: "POST",
    path: "/api/v1/tool-calls/:tool",
    permission: "agents.read",
    notInConsole: true,
    action,
    auditsItself: true,
    handle: record,
  },
];

interface Window {
  calls: number;
  since: number;
}

/** More tokens than this do not call tools at the same time. */
const windowsMax = 1_000;
/** By the ID of the token. The oldest window comes first. */
const windows = new Map<string, Window>();

function record({ c, engine, token, address }: RouteContext): Response {
  const tool = c.req.param("tool");
  if (!v.is(ToolName, tool)) throw new WsctlError("MALFORMED", "Tools have no such name");
  if (!isWithinLimit(token.tokenId)) {
    // A refusal is no entry of the trail, or a model in a loop would fill it.
    const message = `More than ${toolCallsMax} calls of tools in a minute. Wait`;
    const error = { code: "RATE_LIMITED", message };
    const problem = { title: error.code, status: 429, detail: message, error };
    return c.json(problem, 429, { "Content-Type": "application/problem+json" });
  }
  const details = { action, outcome: "accepted", address, resource: { tool } };
  try {
    engine.journal.audit.write({ ...details, ...describeActor(token) });
  } catch (error) {
    throw auditUnavailable(error);
  }
  return c.json({ tool }, 201);
}

function isWithinLimit(tokenId: string): boolean {
  // Not the system's clock, which may be set.
  const now = performance.now();
  const known = windows.get(tokenId);
  if (known !== undefined && now - known.since < toolCallsWindowMs) {
    return ++known.calls <= toolCallsMax;
  }
  windows.delete(tokenId);
  windows.set(tokenId, { calls: 1, since: now });
  const [oldest] = windows.keys();
  if (windows.size > windowsMax && oldest !== undefined) windows.delete(oldest);
  return true;
}
