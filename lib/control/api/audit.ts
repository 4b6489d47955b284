/** HTTP routes that read the audit trail by page and verify its hash chain. */
import type { Context } from "hono";
import { type AuditHead, type AuditPage, parseAuditHead } from "../../protocol/api/audit.ts";
import type { AuditFilter } from "../../protocol/api/auditFilter.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { isTimestamp, normalTimestamp } from "../../protocol/timestamp.ts";
import { type Route, type RouteContext, readNumber } from "./route.ts";

export const auditRoutes: Route[] = [
  { method: "GET", path: "/api/v1/audit", permission: "audit.read", handle: list },
  { method: "GET", path: "/api/v1/audit/verify", permission: "audit.read", handle: verify },
];

async function list({ c, engine }: RouteContext): Promise<Response> {
  const most = Number.MAX_SAFE_INTEGER;
  const limit = readNumber(c, "limit", { least: 1, most: 1_000, otherwise: 100 });
  const { audit } = engine.journal;
  const after = readNumber(c, "after", { least: 0, most, otherwise: most });
  const filter = readFilter(c);
  // Without a cursor, the page holds the newest entries.
  const read =
    after === most
      ? await audit.newest({ limit, filter }, yieldToEventLoop)
      : await audit.page({ after, limit, filter }, yieldToEventLoop);
  const page: AuditPage = { ...read, head: audit.head };
  return c.json(page);
}

const filterCharsMax = 200;

function readFilter(c: Context): AuditFilter {
  const filter: AuditFilter = {};
  for (const name of ["since", "until"] as const) {
    const text = c.req.query(name);
    if (text === undefined) continue;
    if (!isTimestamp(text)) throw malformed(name, "a time in ISO 8601 and UTC");
    filter[name] = normalTimestamp(text);
  }
  for (const name of ["by", "agent", "action", "command"] as const) {
    const text = c.req.query(name);
    if (text === undefined) continue;
    const isShort = text !== "" && text.length <= filterCharsMax;
    if (!isShort) throw malformed(name, `1 to ${filterCharsMax} characters`);
    filter[name] = text;
  }
  return filter;
}

function malformed(name: string, rule: string): WsctlError {
  return new WsctlError("MALFORMED", `Query parameter "${name}" must be ${rule}`);
}

const yieldToEventLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

async function verify({ c, engine }: RouteContext): Promise<Response> {
  const anchor = parseAnchor(c.req.query("head"));
  return c.json(await engine.journal.audit.verify(anchor, yieldToEventLoop));
}

function parseAnchor(text: string | undefined): AuditHead | undefined {
  if (text === undefined) return undefined;
  const head = parseAuditHead(text);
  if (head !== undefined) return head;
  throw new WsctlError("MALFORMED", 'Query parameter "head" must be SEQUENCE:HASH');
}
