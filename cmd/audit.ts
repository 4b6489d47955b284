import { statSync } from "node:fs";
import { defineCommand } from "citty";
import { readAgentAudit } from "../lib/agent/journal/readAudit.ts";
import {
  type AuditEntry,
  type AuditHead,
  type AuditLine,
  parseAuditHead,
  type VerifyResult,
} from "../lib/protocol/api/audit.ts";
import { readAuditFile } from "../lib/store/auditFile.ts";
import { type ClientFlags, clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { createClient } from "./flags/connection.ts";
import { wholeNumber } from "./flags/values.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";

const trailArgs = {
  ...clientArgs,
  journal: {
    type: "string",
    valueHint: "PATH",
    description: "read this journal instead: the directory log of an agent, or control.db",
  },
} as const;

const list = defineCommand({
  meta: { name: "list", description: "List audit entries" },
  args: {
    ...trailArgs,
    limit: {
      type: "string",
      default: "50",
      valueHint: "N",
      description: "number of newest entries",
    },
  },
  run: ({ args }) => listRun(args),
});

const verify = defineCommand({
  meta: {
    name: "verify",
    description: "Verify the chain of audit entries and print its head",
  },
  args: {
    ...trailArgs,
    head: {
      type: "string",
      valueHint: "SEQUENCE:HASH",
      description: "a head that you stored earlier; the trail must still contain it",
    },
  },
  run: ({ args }) => verifyRun(args),
});

const exportTrail = defineCommand({
  meta: { name: "export", description: "Print all audit entries, one JSON object per line" },
  args: trailArgs,
  run: ({ args }) => exportRun(args),
});

export default defineCommand({
  meta: { name: "audit", description: "Read and verify the audit trail" },
  default: "list",
  subCommands: { list, verify, export: exportTrail },
});

interface AuditOptions extends ClientFlags {
  json?: boolean | undefined;
  journal?: string | undefined;
}

const pageRecords = 1_000;

async function listRun(options: AuditOptions & { limit: string }): Promise<number> {
  const limit = wholeNumber("limit", options.limit, 1, pageRecords);
  const lines =
    options.journal === undefined
      ? (await (await createClient(options)).auditTrail({ limit })).items
      : readTrail(options.journal).lines.slice(-limit);
  if (options.json) for (const line of lines) printJson(line);
  else print(table(["#", "AT", "WHO", "FROM", "ACTION", "OUTCOME", "ON"], lines.map(row)));
  return exitOk;
}

/** Returns 0 only if the chain is intact, and contains the given head. */
async function verifyRun(options: AuditOptions & { head?: string | undefined }): Promise<number> {
  const anchor = options.head === undefined ? undefined : parseAuditHead(options.head);
  if (options.head !== undefined && anchor === undefined) {
    throw usage(`Flag --head is "${options.head}": expected SEQUENCE:HASH, as printed by verify`);
  }
  const verdict: VerifyResult =
    options.journal === undefined
      ? await (await createClient(options)).verifyAudit(options.head)
      : readTrail(options.journal, anchor).verdict;
  const anchor_too_old = verdict.intact && verdict.anchor_too_old === true;
  if (options.json) printJson(verdict);
  else print(formatVerifyResult(verdict));
  if (anchor_too_old) {
    remark(
      `The head of record ${anchor?.sequence} is older than the retained entries and cannot be verified.`,
    );
  }
  return verdict.intact && !anchor_too_old ? exitOk : exitFailed;
}

/** An agent's journal is a directory; the control plane's is a file. */
function readTrail(path: string, anchor?: AuditHead) {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isDirectory ? readAgentAudit(path, anchor) : readAuditFile(path, anchor);
}

function formatVerifyResult(verdict: VerifyResult): string {
  if (!verdict.intact) return `broken at record ${verdict.sequence}: ${verdict.reason}`;
  const { head, start } = verdict;
  const from = start && `from record ${start.sequence + 1} on; earlier records were pruned`;
  return `whole  ${head.sequence}:${head.hash}${from === undefined ? "" : `  ${from}`}`;
}

async function exportRun(options: AuditOptions): Promise<number> {
  if (options.journal !== undefined) {
    readTrail(options.journal).lines.forEach(printJson);
    return exitOk;
  }
  const client = await createClient(options);
  let after = 0;
  for (;;) {
    const { items } = await client.auditTrail({ after, limit: pageRecords });
    for (const line of items) printJson(line);
    if (items.length < pageRecords) return exitOk;
    after = items.at(-1)?.record.sequence ?? after;
  }
}

function row({ record }: AuditLine): string[] {
  const { sequence, at, actor, role, address, action, outcome, code } = record;
  return [
    String(sequence),
    at,
    actor === undefined ? "-" : [role, actor].filter(Boolean).join(" "),
    address ?? "-",
    action,
    code === undefined ? outcome : `${outcome} ${code}`,
    formatResource(record),
  ];
}

function formatResource({ resource = {} }: AuditEntry): string {
  const pairs = Object.entries(resource).map(([key, value]) => {
    const isPlain = typeof value === "string" && /^[\w.:@/+-]+$/.test(value);
    return `${key}=${isPlain ? value : JSON.stringify(value)}`;
  });
  return pairs.length === 0 ? "-" : pairs.join(" ");
}
