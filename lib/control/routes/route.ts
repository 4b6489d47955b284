/** What a route of the API is: every one names the role that may use it. */
import type { Context } from "hono";
import * as v from "valibot";
import type { Role } from "../../protocol/api.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { issueText } from "../../protocol/issueText.ts";
import { isShallow, unrepresentable } from "../../protocol/json.ts";
import { depthMax } from "../../protocol/limits.ts";
import type { Artifacts } from "../artifacts/artifacts.ts";
import type { Engine } from "../engine.ts";
import type { StoredToken } from "../journal.ts";

export interface RouteContext {
  c: Context;
  engine: Engine;
  artifacts: Artifacts;
  /** Who asks; the role was checked already. */
  token: StoredToken;
  /** Milliseconds since 1970. */
  now: number;
}

export interface Route {
  method: "GET" | "POST" | "DELETE";
  path: string;
  /** `any`: every valid token may ask; the handler says who gets what. */
  role: Role | "any";
  handle(context: RouteContext): Promise<Response> | Response;
}

/** The request's body in the schema's shape; throws `MALFORMED` with the path of what is wrong. */
export async function readBody<S extends v.GenericSchema>(
  c: Context,
  schema: S,
): Promise<v.InferOutput<S>> {
  const text = await c.req.text();
  // One level less than a message: there the parameters sit one level deeper than in a body.
  if (!isShallow(text, depthMax - 1)) {
    throw new WsctlError("MALFORMED", `the body is nested deeper than ${depthMax - 1} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WsctlError("MALFORMED", "the body is not JSON", { cause: error });
  }
  const flaw = unrepresentable(value);
  if (flaw !== undefined) throw new WsctlError("MALFORMED", `the body has ${flaw}`);
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) throw new WsctlError("MALFORMED", issueText(parsed.issues[0]));
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
