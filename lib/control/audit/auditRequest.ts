/** The audit trail's view of the API: who asked for what, before it is done, and what came of it. */
import type { Context } from "hono";
import type { Log } from "../../log/log.ts";
import type { AuditDetails } from "../../protocol/api/audit.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { refusalsMax, refusalsWindowMs } from "../../protocol/limits.ts";
import type { AuditTrail } from "../../store/auditTrail.ts";
import type { Clock } from "../../time/clock.ts";
import type { Route, RouteContext } from "../api/route.ts";
import { auditUnavailable } from "../core/rejections.ts";

const idCharsMax = 128;

/**
 * Runs a route's handler between two records: without the first nothing is done, unless it shuts
 * somebody out, and a first one without a second says that we died in between.
 */
export async function withAudit(route: Route, context: RouteContext): Promise<Response> {
  const { action, auditsItself = false } = route;
  if (action === undefined) return route.handle(context);
  const record = recorder(action, context);
  if (!auditsItself) begin(record, route, context);
  let response: Response;
  try {
    response = await route.handle(context);
  } catch (error) {
    const code = error instanceof WsctlError ? error.code : "INTERNAL";
    end(() => record("refused", code), route, context);
    throw error;
  }
  if (!auditsItself) end(() => record("accepted"), route, context);
  return response;
}

function begin(record: (outcome: string) => void, route: Route, { log }: RouteContext): void {
  try {
    record("started");
  } catch (error) {
    if (!route.blocksAgents) throw auditUnavailable(error);
    unrecordedError(error, route, log);
  }
}

/** It has been done or refused: what the trail lacks of it, the log says. */
function end(record: () => void, route: Route, { log }: RouteContext): void {
  try {
    record();
  } catch (error) {
    unrecordedError(error, route, log);
  }
}

function unrecordedError(error: unknown, { action = "" }: Route, log: Log): void {
  log.error(`Cannot record how it went: ${errorText(error)}`, { action });
}

/**
 * Somebody was not let in, or may not do this; who it was, as far as that is known. So many a
 * minute are recorded, and of the others how many there were: a flood of refusals must not fill
 * the disk nor push what was done out of sight.
 */
export class RefusalLog {
  readonly #trail: AuditTrail;
  readonly #clock: Clock;
  readonly #log: Log;
  #since = Number.NEGATIVE_INFINITY;
  #recorded = 0;
  #suppressed = 0;

  constructor(trail: AuditTrail, clock: Clock, log: Log) {
    this.#trail = trail;
    this.#clock = clock;
    this.#log = log;
  }

  record(who: RefusedRequest): void {
    const now = this.#clock.now();
    if (now - this.#since >= refusalsWindowMs) {
      this.#since = now;
      this.#recorded = 0;
      if (this.#suppressed > 0) {
        const on = { count: this.#suppressed };
        this.#write({ action: "refusals.suppressed", outcome: "refused", resource: on });
      }
      this.#suppressed = 0;
    }
    if (this.#recorded++ >= refusalsMax) this.#suppressed++;
    else this.#write({ outcome: "refused", ...who });
  }

  /** It is refused either way: where it cannot be recorded, the log says so. */
  #write(facts: AuditDetails): void {
    try {
      this.#trail.write(facts, this.#clock.wall());
    } catch (error) {
      this.#log.error(`Cannot record a refusal: ${errorText(error)}`, { action: facts.action });
    }
  }
}

export type RefusedRequest = Required<Pick<AuditDetails, "action" | "address" | "code">> &
  Pick<AuditDetails, "actor" | "role">;

function recorder(action: string, { c, engine, token, address, resource, now }: RouteContext) {
  const { tokenId: actor, role } = token;
  const ids = collectIds(c);
  const { audit } = engine.journal;
  return (outcome: string, code?: string) => {
    const coded = code === undefined ? {} : { code };
    const on = { ...ids, ...resource };
    audit.write({ action, outcome, actor, role, address, resource: on, ...coded }, now);
  };
}

/** The ids in the path; somebody may have put a token there by mistake, which is nothing to keep. */
function collectIds(c: Context): JsonObject {
  const named = Object.entries(c.req.param() as Record<string, string>);
  return Object.fromEntries(
    named.map(([name, value]) => {
      const isToken = /wsctl-[0-9a-f]{12}-/.test(value);
      return [name, isToken ? "[secret]" : value.slice(0, idCharsMax)];
    }),
  );
}
