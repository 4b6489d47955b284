/** Records API requests in the audit trail: the request before it runs, and its result. */
import type { Context } from "hono";
import type { Log } from "../../log/log.ts";
import type { AuditDetails } from "../../protocol/api/audit.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { refusalsMax, refusalsWindowMs } from "../../protocol/limits.ts";
import type { Clock } from "../../time/clock.ts";
import { describeActor } from "../api/actor.ts";
import type { Route, RouteContext } from "../api/route.ts";
import { auditUnavailable } from "../core/rejections.ts";
import type { AuditTrail } from "../journal/auditTrail.ts";

const idCharsMax = 128;

/**
 * Runs a route's handler between two audit entries. Without the first entry nothing runs, except a
 * revocation. A first entry without a second shows that the process ended in between.
 */
export async function withAudit(route: Route, context: RouteContext): Promise<Response> {
  const { action, auditsItself = false } = route;
  if (action === undefined) return route.handle(context);
  const { c, engine, token, address, resource, log } = context;
  const by = { engine, token, address, resource, log, ids: collectIds(c) };
  const record = recorder(action, by);
  if (!auditsItself) begin(record, route, context);
  let response: Response;
  try {
    response = await route.handle(context);
  } catch (error) {
    recordFailure(action, by, error);
    throw error;
  }
  if (!auditsItself) end(() => record("accepted"), action, context);
  return response;
}

/** Records an action that was refused: nothing has changed, so a failure to record it is logged. */
export function recordFailure(action: string, by: ActionContext, error: unknown): void {
  const code = error instanceof WsctlError ? error.code : "INTERNAL";
  end(() => recorder(action, by)("refused", code), action, by);
}

function begin(record: (outcome: string) => void, route: Route, { log }: RouteContext): void {
  try {
    record("started");
  } catch (error) {
    unrecordedError(error, route.action, log);
    if (!route.blocksAgents) throw auditUnavailable(error);
  }
}

/** The action is complete: if the entry cannot be written, the error is logged. */
function end(record: () => void, action: string, { log }: { log: Log }): void {
  try {
    record();
  } catch (error) {
    unrecordedError(error, action, log);
  }
}

function unrecordedError(error: unknown, action = "", log: Log): void {
  log.error(`Cannot record a request: ${errorText(error)}`, { action });
}

/**
 * Records rejected requests, with the caller if known. Only a limited number per minute is recorded
 * in full and the rest is counted, so that rejections can neither fill the disk nor hide other
 * entries.
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

  /** The request is rejected in any case; if that cannot be recorded, the error is logged. */
  #write(facts: AuditDetails): void {
    try {
      this.#trail.write(facts);
    } catch (error) {
      this.#log.error(`Cannot record a rejected request: ${errorText(error)}`, {
        action: facts.action,
      });
    }
  }
}

export type RefusedRequest = Required<Pick<AuditDetails, "action" | "address" | "code">> &
  Pick<AuditDetails, "actor" | "actor_name" | "role">;

/** Who acts on what. `ids` are those of the path. */
export type ActionContext = Pick<
  RouteContext,
  "engine" | "token" | "address" | "resource" | "log"
> & { ids: JsonObject };

function recorder(action: string, { engine, token, address, resource, ids }: ActionContext) {
  const actor = describeActor(token);
  const { audit } = engine.journal;
  return (outcome: string, code?: string) => {
    const coded = code === undefined ? {} : { code };
    const on = { ...ids, ...resource };
    audit.write({ action, outcome, ...actor, address, resource: on, ...coded });
  };
}

/** Returns the ids in the path. Values that look like a token are removed. */
function collectIds(c: Context): JsonObject {
  const named = Object.entries(c.req.param() as Record<string, string>);
  return Object.fromEntries(
    named.map(([name, value]) => {
      const isToken = /wsctl-[0-9a-f]{12}-/.test(value);
      return [name, isToken ? "[secret]" : value.slice(0, idCharsMax)];
    }),
  );
}
