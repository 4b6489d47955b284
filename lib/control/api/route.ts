/** What a route of the API is: every one names the permission that it asks for. */
import type { Context } from "hono";
import * as v from "valibot";
import type { Log } from "../../log/log.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { findUnsafeNumber, isWithinDepth, type JsonObject } from "../../protocol/json.ts";
import { depthMax } from "../../protocol/limits.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import type { ArtifactService } from "../artifacts/artifactService.ts";
import type { Authority } from "../auth/authority.ts";
import type { Permission } from "../auth/permissions.ts";
import type { Revocations } from "../auth/revocation.ts";
import type { AgentScope } from "../core/agents/agentScope.ts";
import type { Engine } from "../engine/engine.ts";
import type { JobSubmitter } from "../jobs/submitJob.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import type { Scheduler } from "../schedules/scheduler.ts";
import type { PublicAddress } from "./publicAddress.ts";

export interface RouteContext<Body = unknown> {
  c: Context;
  /** The request's body, in the shape of the route's `body`. */
  body: Body;
  /** To be required again before each write that follows an `await`. */
  authority: Authority;
  engine: Engine;
  jobs: JobSubmitter;
  artifacts: ArtifactService;
  /** From where, as the operating system knows it. */
  address: string;
  /** Who asks; that its role permits this was checked already. */
  token: StoredToken;
  /** What the token is narrowed to. */
  scope: AgentScope;
  revocations: Revocations;
  scheduler: Scheduler;
  /** Where others find this control plane. */
  publicAddress: PublicAddress;
  /** Whether an agent that joins must be approved before it may connect. */
  approveAgents: boolean;
  /** For the audit trail: what it was about, beside the ids of the path. No secrets. */
  resource: JsonObject;
  log: Log;
  /** Milliseconds since 1970. */
  now: number;
}

export interface Route<Body = unknown> {
  method: "GET" | "POST" | "DELETE";
  path: string;
  permission: Permission;
  /**
   * The schema of the request's body, where the route takes one. It is read before `handle` is
   * called, so that the credential is checked after the last byte has arrived.
   */
  body?: v.GenericSchema<unknown, Body>;
  /**
   * What the audit trail calls it, where it changes something. What is accepted is recorded with
   * its own writes where `isAuditedWithin`.
   */
  action?: string;
  auditsItself?: boolean;
  /**
   * It hands out what goes on after the answer and ends with a token: a stream, a signed URL. A
   * login of the console has none.
   */
  outlives?: true;
  /** It is done even where it cannot be recorded: whoever is to be out must not stay in. */
  blocksAgents?: boolean;
  /**
   * Called in the same synchronous step in which the credential was checked. Of a route that
   * changes something it is no `async` function: it decides before it waits for anything.
   */
  handle(context: RouteContext<Body>): Promise<Response> | Response;
}

/** A route that takes a body. */
export function routeWithBody<S extends v.GenericSchema>(
  route: Route<v.InferOutput<S>> & { body: S },
): Route {
  return route;
}

/** Whether a login of the console may ask it: it changes nothing and hands nothing out. */
export function readsOnly({ method, outlives }: Route): boolean {
  return method === "GET" && outlives !== true;
}

/** The text of a request's body; throws `MALFORMED` where it breaks off. */
export function readText(c: Context): Promise<string> {
  return c.req.text().catch((cause) => {
    const how = "the body cannot be read: it broke off, or is not of the announced form";
    throw new WsctlError("MALFORMED", how, { cause });
  });
}

/** Parses a body into the schema's shape; throws `MALFORMED` with the path of what is wrong. */
export function parseBody<S extends v.GenericSchema>(text: string, schema: S): v.InferOutput<S> {
  // One level less than a message: there the parameters sit one level deeper than in a body.
  if (!isWithinDepth(text, depthMax - 1)) {
    throw new WsctlError("MALFORMED", `the body is nested deeper than ${depthMax - 1} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WsctlError("MALFORMED", "the body is not JSON", { cause: error });
  }
  const flaw = findUnsafeNumber(value);
  if (flaw !== undefined) throw new WsctlError("MALFORMED", `the body has ${flaw}`);
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) throw new WsctlError("MALFORMED", formatIssue(parsed.issues[0]));
  return parsed.output;
}

/** A whole number from the query, within its bounds; throws `MALFORMED` naming the parameter. */
export function readNumber(
  c: Context,
  name: string,
  bounds: { least: number; most: number; otherwise: number },
): number {
  const text = c.req.query(name);
  if (text === undefined) return bounds.otherwise;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.least && value <= bounds.most) return value;
  const rule = `a whole number from ${bounds.least} to ${bounds.most}`;
  throw new WsctlError("MALFORMED", `query parameter "${name}" must be ${rule}`);
}

const keyShape = /^[\x21-\x7e]{1,128}$/;

/** Under which an order is asked for once, however often it is repeated; throws `MALFORMED`. */
export function idempotencyKey(c: Context): string | undefined {
  const key = c.req.header("idempotency-key");
  if (key === undefined || keyShape.test(key)) return key;
  throw new WsctlError("MALFORMED", "Idempotency-Key must be 1 to 128 visible ASCII characters");
}
