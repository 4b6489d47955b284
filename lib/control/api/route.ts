/** Defines API routes. Every route names the permission that it requires. */
import type { Context } from "hono";
import * as v from "valibot";
import type { Log } from "../../log/log.ts";
import { IdempotencyKey } from "../../protocol/api/session.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { findUnsafeNumber, isWithinDepth, type JsonObject } from "../../protocol/json.ts";
import { findLossyJson } from "../../protocol/jsonText.ts";
import { depthMax } from "../../protocol/limits.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import type { ArtifactService } from "../artifacts/artifactService.ts";
import type { Authority } from "../auth/authority.ts";
import type { Permission } from "../auth/permissions.ts";
import type { Revocations } from "../auth/revocation.ts";
import type { AgentScope } from "../core/agents/agentScope.ts";
import type { Engine } from "../engine/engine.ts";
import type { EventLog } from "../events/eventLog.ts";
import type { WebhookSender } from "../events/webhookSender.ts";
import type { JobSubmitter } from "../jobs/submitJob.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import type { ControlMetrics } from "../metrics/prometheus.ts";
import type { Scheduler } from "../schedules/scheduler.ts";
import type { ClusterSeat } from "./clusterSeat.ts";
import type { PublicAddress } from "./publicAddress.ts";

/** Opens the session of an operator. */
export interface SessionOpener {
  open(context: RouteContext): Promise<Response>;
}

export interface RouteContext<Body = unknown> {
  c: Context;
  /** The request body, validated by the `body` schema of the route. */
  body: Body;
  /** Must be checked again before each write that follows an `await`. */
  authority: Authority;
  engine: Engine;
  jobs: JobSubmitter;
  artifacts: ArtifactService;
  metrics: ControlMetrics;
  events: EventLog;
  operatorSessions: SessionOpener;
  webhooks: WebhookSender;
  /** The client's IP address. */
  address: string;
  /** The token of the caller. Its role has already been checked. */
  token: StoredToken;
  /** The agents and commands that the token is restricted to. */
  scope: AgentScope;
  revocations: Revocations;
  scheduler: Scheduler;
  /** The URL at which others reach this control plane. */
  publicAddress: PublicAddress;
  /** Whether an administrator must approve agents that join. */
  approveAgents: boolean;
  dataDir: string;
  /** The place of this control plane in a cluster. */
  seat: ClusterSeat | undefined;
  /**
   * What the route acts on, for the audit trail, in addition to the ids in the path. Contains no
   * secrets.
   */
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
   * The schema of the request body, if the route takes one. The body is read before `handle` is
   * called, so that the credential is checked after the last byte has arrived.
   */
  body?: v.GenericSchema<unknown, Body>;
  /**
   * The action in the audit trail, if the route changes something. If `auditsItself` is set, the
   * handler records accepted requests in its own transaction.
   */
  action?: string;
  auditsItself?: boolean;
  /** The response outlasts the request and ends with the token: a stream or a signed URL. */
  outlives?: true;
  /**
   * What follows the request changes something, as on a WebSocket: a console session may call the
   * route from its own page alone, as if it were a POST.
   */
  acts?: true;
  /** Console sessions may never call the route: it is for programs, or returns all data. */
  notInConsole?: true;
  /** A console session may call the route only shortly after its login or a confirmation. */
  needsConfirmation?: true;
  /**
   * The change applies even if it cannot be recorded, because a revoked agent must not stay
   * connected.
   */
  blocksAgents?: boolean;
  /**
   * Runs in the same synchronous step that checked the credential. The handler of a route that
   * changes something must not be `async`, so that it decides before it awaits.
   */
  handle(context: RouteContext<Body>): Promise<Response> | Response;
}

/** Defines a route that takes a body. */
export function routeWithBody<S extends v.GenericSchema>(
  route: Route<v.InferOutput<S>> & { body: S },
): Route {
  return route;
}

/**
 * Whether the session of a read-only console may call the route: it changes nothing and returns no
 * stream or signed URL.
 */
export function readsOnly({ method, outlives }: Route): boolean {
  return method === "GET" && outlives !== true;
}

/**
 * Reads the request body as text.
 *
 * @throws {WsctlError} MALFORMED if the body is cut off
 */
export function readText(c: Context): Promise<string> {
  return c.req.text().catch((cause) => {
    const how = "Cannot read the body: it is cut off or its encoding is invalid";
    throw new WsctlError("MALFORMED", how, { cause });
  });
}

/**
 * Parses and validates a body. The error names the path of the invalid field.
 *
 * @throws {WsctlError} MALFORMED
 */
export function parseBody<S extends v.GenericSchema>(text: string, schema: S): v.InferOutput<S> {
  // The limit is one level less than for a message, where parameters sit one level deeper.
  return validate(parseJson(text, "Body", depthMax - 1), schema);
}

/**
 * Parses untrusted JSON.
 *
 * @param what `Body` or `Message`, for errors.
 * @throws {WsctlError} MALFORMED
 */
export function parseJson(text: string, what: string, levels: number): unknown {
  if (!isWithinDepth(text, levels)) {
    throw new WsctlError("MALFORMED", `${what} is nested deeper than ${levels} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WsctlError("MALFORMED", `${what} is not JSON`, { cause: error });
  }
  // Text that is written again in the same way has lost nothing.
  const isSame = JSON.stringify(value) === text;
  const flaw = findUnsafeNumber(value) ?? (isSame ? undefined : findLossyJson(text));
  if (flaw !== undefined) throw new WsctlError("MALFORMED", `${what} has ${flaw}`);
  return value;
}

/** @throws {WsctlError} MALFORMED with the path of the invalid field */
export function validate<S extends v.GenericSchema>(value: unknown, schema: S): v.InferOutput<S> {
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) throw new WsctlError("MALFORMED", formatIssue(parsed.issues[0]));
  return parsed.output;
}

/**
 * Reads a whole number from the query. The error names the parameter.
 *
 * @throws {WsctlError} MALFORMED
 */
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
  throw new WsctlError("MALFORMED", `Query parameter "${name}" must be ${rule}`);
}

/**
 * Reads the Idempotency-Key header, under which a repeated request creates one job only.
 *
 * @throws {WsctlError} MALFORMED
 */
export function idempotencyKey(c: Context): string | undefined {
  const key = c.req.header("idempotency-key");
  if (key === undefined || v.is(IdempotencyKey, key)) return key;
  throw new WsctlError("MALFORMED", "Idempotency-Key must be 1 to 128 visible ASCII characters");
}
