/** The audit trail as these commands read it: filters, pages of the API, logs, and columns. */
import { statSync } from "node:fs";
import { toAuditEntry as agentAuditEntry } from "../../lib/agent/journal/auditEntries.ts";
import { parseEntry as parseAgentEntry } from "../../lib/agent/journal/entries.ts";
import type { Client } from "../../lib/client/client.ts";
import { toAuditEntry as controlAuditEntry } from "../../lib/control/journal/auditEntries.ts";
import { parseEntry as parseControlEntry } from "../../lib/control/journal/entries.ts";
import type { AuditEntry, AuditHead, AuditLine } from "../../lib/protocol/api/audit.ts";
import { type AuditFilter, matchesAudit } from "../../lib/protocol/api/auditFilter.ts";
import { logOwners } from "../../lib/store/log/format.ts";
import { readAudit } from "../../lib/store/log/logAudit.ts";
import { ownerOfLog } from "../../lib/store/log/readLog.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { usage } from "../cli/strictArgs.ts";
import { createClient } from "../flags/controlPlane.ts";
import { parseMoment, wholeNumber } from "../flags/values.ts";
import type { Column } from "../output/format.ts";

/** Entries of one page. */
export const pageRecords = 1_000;

export const filterArgs = {
  since: {
    type: "string",
    valueHint: "TIME",
    description: "entries from then on: 2h, 7d, 2026-01-31T00:00:00Z",
  },
  until: { type: "string", valueHint: "TIME", description: "entries before then" },
  by: {
    type: "string",
    valueHint: "NAME",
    description: "entries of the operator with this name, or of this token, key or console user",
  },
  agent: { type: "string", valueHint: "AGENT", description: "entries about this agent" },
  action: {
    type: "string",
    valueHint: "ACTION",
    description: "entries of this action, such as job.create, or token.* for all of tokens",
  },
  command: { type: "string", valueHint: "COMMAND", description: "entries about this command" },
  after: {
    type: "string",
    valueHint: "SEQUENCE",
    description: "entries after this one, oldest first",
  },
} as const;

export interface AuditOptions extends ClientFlags {
  json?: boolean | undefined;
  journal?: string | undefined;
}

export interface FilterFlags {
  since?: string | undefined;
  until?: string | undefined;
  by?: string | undefined;
  agent?: string | undefined;
  action?: string | undefined;
  command?: string | undefined;
  after?: string | undefined;
  /** Milliseconds since 1970. */
  now: number;
}

export function parseFilter({
  since,
  until,
  by,
  agent,
  action,
  command,
  now,
}: FilterFlags): AuditFilter {
  return {
    ...(since === undefined ? {} : { since: parseMoment("since", since, now) }),
    ...(until === undefined ? {} : { until: parseMoment("until", until, now) }),
    ...(by === undefined ? {} : { by }),
    ...(agent === undefined ? {} : { agent }),
    ...(action === undefined ? {} : { action }),
    ...(command === undefined ? {} : { command }),
  };
}

export function parseAfter(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber("after", text, 0, Number.MAX_SAFE_INTEGER);
}

/** Reads up to `limit` entries: after a sequence, or the newest ones. */
export async function readLines(
  options: AuditOptions,
  filter: AuditFilter,
  limit: number,
  after: number | undefined,
): Promise<AuditLine[]> {
  if (options.journal !== undefined) {
    const lines = readTrail(options.journal).lines.filter(({ record }) => {
      return record.sequence > (after ?? 0) && matchesAudit(record, filter);
    });
    return after === undefined ? lines.slice(-limit) : lines.slice(0, limit);
  }
  const client = await createClient(options);
  if (after === undefined && filter.since === undefined) {
    return (await client.auditTrail({ ...filter, limit })).items;
  }
  const lines: AuditLine[] = [];
  for await (const line of pages(client, filter, after ?? 0)) {
    lines.push(line);
    if (after !== undefined && lines.length === limit) break;
  }
  return lines.slice(-limit);
}

/** The entries after a sequence that match, page by page, up to the end of the trail. */
export async function* pages(client: Client, filter: AuditFilter, after: number) {
  for (let from = after; ; ) {
    const page = await client.auditTrail({ ...filter, after: from, limit: pageRecords });
    yield* page.items;
    if (page.through >= page.head.sequence) return page.through;
    from = page.through;
  }
}

/**
 * Reads a log, and shows its entries by the view of its owner.
 *
 * @throws {WsctlError} USAGE if the path is not a directory
 */
export function readTrail(path: string, anchor?: AuditHead) {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const text = `Cannot read the audit trail in "${path}": it is not a directory`;
    throw usage(`${text}. Specify the directory "log" of a control plane or of an agent`);
  }
  const owner = ownerOfLog(path);
  if (owner === undefined) {
    const text = `Cannot read the audit trail in "${path}": it contains no log`;
    throw usage(`${text}. Specify the directory "log" of a control plane or of an agent`);
  }
  const isAgent = owner === logOwners.agent;
  const toAuditEntry = isAgent
    ? (sequence: number, line: string) => agentAuditEntry(sequence, parseAgentEntry(line))
    : (sequence: number, line: string) => controlAuditEntry(sequence, parseControlEntry(line));
  return readAudit(path, { toAuditEntry }, anchor);
}

export const columns: readonly Column<AuditLine>[] = [
  { name: "sequence", value: ({ record }) => record.sequence },
  { name: "at", value: ({ record }) => record.at },
  {
    name: "by",
    value: ({ record: { actor, actor_name: name = actor, role } }) =>
      actor === undefined ? undefined : [role, name].filter(Boolean).join(" "),
  },
  { name: "address", value: ({ record }) => record.address },
  { name: "action", value: ({ record }) => record.action },
  {
    name: "outcome",
    value: ({ record: { outcome, code } }) => (code === undefined ? outcome : `${outcome} ${code}`),
  },
  { name: "resource", value: ({ record }) => formatResource(record) },
];

function formatResource({ resource = {} }: AuditEntry): string {
  const pairs = Object.entries(resource).map(([key, value]) => {
    const isPlain = typeof value === "string" && /^[\w.:@/+-]+$/.test(value);
    return `${key}=${isPlain ? value : JSON.stringify(value)}`;
  });
  return pairs.length === 0 ? "-" : pairs.join(" ");
}
