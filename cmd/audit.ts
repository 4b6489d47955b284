import { defineCommand } from "citty";
import { type AuditLine, parseAuditHead, type VerifyResult } from "../lib/protocol/api/audit.ts";
import { type AuditFilter, matchesAudit } from "../lib/protocol/api/auditFilter.ts";
import { WsctlError } from "../lib/protocol/errors.ts";
import {
  type AuditOptions,
  columns,
  type FilterFlags,
  filterArgs,
  pageRecords,
  pages,
  parseAfter,
  parseFilter,
  readLines,
  readTrail,
} from "./audit/auditLines.ts";
import { clientArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { createClient } from "./flags/controlPlane.ts";
import { wholeNumber } from "./flags/values.ts";
import {
  csvHead,
  csvLine,
  type FormatFlags,
  formatArgs,
  isCsv,
  jsonPrinter,
  parseFormat,
  printList,
} from "./output/format.ts";
import { print, printJson, remark } from "./output/stdio.ts";

const trailArgs = {
  ...clientArgs,
  journal: {
    type: "string",
    valueHint: "PATH",
    description: "read this log instead: the directory log of an agent or of a control plane",
  },
} as const;

const list = defineCommand({
  meta: {
    name: "list",
    description: "List audit entries",
    examples: [
      "wsctl audit list --agent web-1 --since 7d",
      "wsctl audit list --action 'token.*' --by 95a4766122b8",
      "wsctl audit list --follow --json",
    ],
  },
  args: {
    ...trailArgs,
    ...filterArgs,
    limit: {
      type: "string",
      default: "50",
      valueHint: "N",
      description: "number of entries; the newest ones without --after",
    },
    ...formatArgs,
    follow: { type: "boolean", description: "continue with new entries until Ctrl-C" },
  },
  run: ({ args }) => listRun({ ...args, now: Date.now() }),
});

const verify = defineCommand({
  meta: {
    name: "verify",
    description: "Verify the chain of audit entries and print its head",
    examples: ["wsctl audit verify"],
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
  meta: {
    name: "export",
    description: "Print all audit entries, oldest first",
    examples: [
      "wsctl audit export > audit.ndjson",
      "wsctl audit export --format csv --since 30d > audit.csv",
    ],
  },
  args: {
    ...trailArgs,
    ...filterArgs,
    format: {
      type: "enum",
      options: ["ndjson", "csv", "excel"],
      default: "ndjson",
      description: "output format",
    },
  },
  run: ({ args }) => exportRun({ ...args, now: Date.now() }),
});

export default defineCommand({
  meta: { name: "audit", description: "Read and verify the audit trail" },
  default: "list",
  subCommands: { list, verify, export: exportTrail },
});

type ListOptions = AuditOptions &
  FilterFlags &
  FormatFlags & { limit: string; follow?: boolean | undefined };

const followMs = 1_000;

async function listRun(options: ListOptions): Promise<number> {
  const limit = wholeNumber("limit", options.limit, 1, pageRecords);
  const filter = parseFilter(options);
  const after = parseAfter(options.after);
  if (options.follow) return followRun(options, filter, after);
  await printList(await readLines(options, filter, limit, after), columns, options);
  return exitOk;
}

/** Prints entries as they are recorded. Ctrl-C ends it. */
async function followRun(
  options: ListOptions,
  filter: AuditFilter,
  after: number | undefined,
): Promise<number> {
  if (options.journal !== undefined) throw usage("Flags --follow and --journal cannot be combined");
  const client = await createClient(options);
  const format = parseFormat(options) ?? "table";
  const printObject = format === "ndjson" ? await jsonPrinter(options.query) : undefined;
  let from = after ?? (await client.auditTrail({ limit: 1 })).head.sequence;
  const show = (line: AuditLine) => {
    if (printObject !== undefined) printObject(line);
    else if (isCsv(format)) print(csvLine(columns.map(({ value }) => value(line))));
    else print(columns.map(({ value }) => `${value(line) ?? "-"}`).join("  "));
  };
  for (let isReached = true; ; ) {
    try {
      const entries = pages(client, filter, from);
      let step = await entries.next();
      for (; !step.done; step = await entries.next()) {
        show(step.value);
        from = step.value.record.sequence;
      }
      from = step.value;
      isReached = true;
    } catch (error) {
      if (!(error instanceof WsctlError && error.code === "UNREACHABLE")) throw error;
      if (isReached) remark(`${error.message}. Trying again until it answers`);
      isReached = false;
    }
    await new Promise((resolve) => setTimeout(resolve, followMs));
  }
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

function formatVerifyResult(verdict: VerifyResult): string {
  if (!verdict.intact) return `broken at record ${verdict.sequence}: ${verdict.reason}`;
  const { head, start } = verdict;
  const from = start && `from record ${start.sequence + 1} on; earlier records were pruned`;
  return `whole  ${head.sequence}:${head.hash}${from === undefined ? "" : `  ${from}`}`;
}

async function exportRun(
  options: AuditOptions & FilterFlags & { format: string },
): Promise<number> {
  const filter = parseFilter(options);
  const after = parseAfter(options.after) ?? 0;
  const printLine = exportPrinter(options.format);
  if (options.journal !== undefined) {
    for (const line of readTrail(options.journal).lines) {
      if (line.record.sequence > after && matchesAudit(line.record, filter)) printLine(line);
    }
    return exitOk;
  }
  const client = await createClient(options);
  for await (const line of pages(client, filter, after)) printLine(line);
  return exitOk;
}

function exportPrinter(format: string): (line: AuditLine) => void {
  if (!isCsv(format)) return printJson;
  print(csvHead(columns, format));
  return (line) => print(csvLine(columns.map(({ value }) => value(line))));
}
