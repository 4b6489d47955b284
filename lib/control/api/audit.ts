/** HTTP routes that read the audit trail by page and verify its hash chain. */
import { type AuditHead, type AuditPage, parseAuditHead } from "../../protocol/api/audit.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { type Route, type RouteContext, readNumber } from "./route.ts";

export const auditRoutes: Route[] = [
  { method: "GET", path: "/api/v1/audit", permission: "audit.read", handle: list },
  { method: "GET", path: "/api/v1/audit/verify", permission: "audit.read", handle: verify },
];

function list({ c, engine }: RouteContext): Response {
  const most = Number.MAX_SAFE_INTEGER;
  const limit = readNumber(c, "limit", { least: 1, most: 1_000, otherwise: 100 });
  const { audit } = engine.journal;
  const { head } = audit;
  // Without a cursor, the page holds the newest entries.
  const otherwise = Math.max(0, head.sequence - limit);
  const after = readNumber(c, "after", { least: 0, most, otherwise });
  const page: AuditPage = { items: audit.list(after, limit), head };
  return c.json(page);
}

async function verify({ c, engine }: RouteContext): Promise<Response> {
  const anchor = parseAnchor(c.req.query("head"));
  const yieldToEventLoop = () => new Promise<void>((resolve) => setImmediate(resolve));
  return c.json(await engine.journal.audit.verify(anchor, yieldToEventLoop));
}

function parseAnchor(text: string | undefined): AuditHead | undefined {
  if (text === undefined) return undefined;
  const head = parseAuditHead(text);
  if (head !== undefined) return head;
  throw new WsctlError("MALFORMED", 'Query parameter "head" must be SEQUENCE:HASH');
}
