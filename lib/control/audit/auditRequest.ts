/** The audit trail's view of the API: who asked for what, before it is done, and what came of it. */
import type { Context } from "hono";
import type { Log } from "../../log/log.ts";
import type { AuditFacts } from "../../protocol/api/audit.ts";
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
export async function audited(route: Route, context: RouteContext): Promise<Response> {
  const { action, isAuditedWithin = false } = route;
  if (action === undefined) return route.handle(context);
  const record = recorder(action, context);
  if (!isAuditedWithin) begin(record, route, context);
  let response: Response;
  try {
    response = await route.handle(context);
  } catch (error) {
    const code = error instanceof WsctlError ? error.code : "INTERNAL";
    end(() => record("refused", code), route, context);
    throw error;
  }
  if (!isAuditedWithin) end(() => record("accepted"), route, context);
  return response;
}

function begin(record: (outcome: string) => void, route: Route, { log }: RouteContext): void {
  try {
    record("begun");
  } catch (error) {
    if (!route.shutsOut) throw auditUnavailable(error);
    unrecorded(error, route, log);
  }
}

/** It has been done or refused: what the trail lacks of it, the log says. */
function end(record: () => void, route: Route, { log }: RouteContext): void {
  try {
    record();
  } catch (error) {
    unrecorded(error, route, log);
  }
}

function unrecorded(error: unknown, { action = "" }: Route, log: Log): void {
  log.error(`Cannot record how it went: ${errorText(error)}`, { action });
}

/**
 * Somebody was not let in, or may not do this; who it was, as far as that is known. So many a
 * minute are recorded, and of the others how many there were: a flood of refusals must not fill
 * the disk nor push what was done out of sight.
 */
export class Refusals {
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

  record(who: Refused): void {
    const now = this.#clock.now();
    if (now - this.#since >= refusalsWindowMs) {
      this.#since = now;
      this.#recorded = 0;
      if (this.#suppressed > 0) {
        const on = { count: this.#suppressed };
        this.#write({ action: "refusals.suppressed", outcome: "refused", on });
      }
      this.#suppressed = 0;
    }
    if (this.#recorded++ >= refusalsMax) this.#suppressed++;
    else this.#write({ outcome: "refused", ...who });
  }

  /** It is refused either way: where it cannot be recorded, the log says so. */
  #write(facts: AuditFacts): void {
    try {
      this.#trail.write(facts, this.#clock.wall());
    } catch (error) {
      this.#log.error(`Cannot record a refusal: ${errorText(error)}`, { action: facts.action });
    }
  }
}

export type Refused = Required<Pick<AuditFacts, "action" | "address" | "code">> &
  Pick<AuditFacts, "actor" | "role">;

function recorder(action: string, { c, engine, token, address, about, now }: RouteContext) {
  const { tokenId: actor, role } = token;
  const ids = idsIn(c);
  const { audit } = engine.journal;
  return (outcome: string, code?: string) => {
    const coded = code === undefined ? {} : { code };
    const on = { ...ids, ...about };
    audit.write({ action, outcome, actor, role, address, on, ...coded }, now);
  };
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
