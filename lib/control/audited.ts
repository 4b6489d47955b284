/** The audit trail's view of the API: who asked for what, before it is done, and what came of it. */
import type { Context } from "hono";
import type { Log } from "../log.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { AuditTrail } from "../store/auditTrail.ts";
import { auditUnavailable } from "./refusals.ts";
import type { Route, RouteContext } from "./routes/route.ts";

const idCharsMax = 128;

/**
 * Runs a route's handler between two records: without the first nothing is done, and a first one
 * without a second says that we died in between.
 */
export async function audited(route: Route, context: RouteContext): Promise<Response> {
  const { action, isAuditedWithin = false } = route;
  if (action === undefined) return route.handle(context);
  const record = recorder(action, context);
  if (!isAuditedWithin) record("begun");
  try {
    const response = await route.handle(context);
    if (!isAuditedWithin) record("accepted");
    return response;
  } catch (error) {
    const code = error instanceof WsctlError ? error.code : "INTERNAL";
    try {
      record("refused", code);
    } catch {
      // Nothing was done, and why not is what matters: mostly that nothing can be written.
    }
    throw error;
  }
}

/**
 * Somebody was not let in, or may not do this; who it was, as far as that is known. It is refused
 * either way: where it cannot be recorded, the log says so.
 */
export function recordRefusal(
  trail: AuditTrail,
  who: { address: string; actor?: string; role?: string; code: string; action: string },
  now: number,
  log: Log,
): void {
  const { code, action, ...rest } = who;
  try {
    write(trail, { action, outcome: "refused", code, ...rest }, now);
  } catch (error) {
    log.error(`Cannot record a refusal: ${errorText(error)}`, { address: who.address, action });
  }
}

function recorder(action: string, { c, engine, token, address, about, now }: RouteContext) {
  const { tokenId: actor, role } = token;
  const ids = idsIn(c);
  const { audit } = engine.journal;
  return (outcome: string, code?: string) => {
    const coded = code === undefined ? {} : { code };
    const on = { ...ids, ...about };
    write(audit, { action, outcome, actor, role, address, on, ...coded }, now);
  };
}

function write(trail: AuditTrail, facts: Parameters<AuditTrail["write"]>[0], now: number): void {
  try {
    trail.write(facts, now);
  } catch (error) {
    throw auditUnavailable(error);
  }
}

/** The ids in the path; somebody may have put a token there by mistake, which is nothing to keep. */
function idsIn(c: Context): JsonObject {
  const named = Object.entries(c.req.param() as Record<string, string>);
  return Object.fromEntries(
    named.map(([name, value]) => {
      const isToken = /wsctl-[0-9a-f]{12}-/.test(value);
      return [name, isToken ? "[secret]" : value.slice(0, idCharsMax)];
    }),
  );
}
