import { statSync } from "node:fs";
import { defineCommand } from "citty";
import { type AuditHead, parseAuditHead } from "../lib/protocol/api/audit.ts";
import { logOwners } from "../lib/store/log/format.ts";
import { type LogReport, readLog } from "../lib/store/log/readLog.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { wholeNumber } from "./flags/values.ts";
import { quantity } from "./output/quantity.ts";
import { print, printJson, remark } from "./output/stdio.ts";

const directory = {
  type: "positional",
  required: true,
  valueHint: "DIR",
  description: "directory of the log, such as /var/lib/wsctl/log",
} as const;
const json = { type: "boolean", description: "print JSON, one object per line" } as const;

const dump = defineCommand({
  meta: {
    name: "dump",
    description: "Print the entries of a log, one JSON object per line, with their secrets",
    examples: ["wsctl log dump /var/lib/wsctl/log --after 100"],
  },
  args: {
    directory,
    ...commonArgs,
    after: {
      type: "string",
      default: "0",
      valueHint: "SEQUENCE",
      description: "print only the entries after this one",
    },
  },
  run: ({ args }) => dumpRun(args),
});

const verify = defineCommand({
  meta: {
    name: "verify",
    description: "Verify the checksums and the chain of a log and print its head",
    examples: ["wsctl log verify /var/lib/wsctl/log"],
  },
  args: {
    directory,
    ...commonArgs,
    head: {
      type: "string",
      valueHint: "SEQUENCE:DIGEST",
      description: "a head that you stored earlier; the log must still contain it",
    },
    json,
  },
  run: ({ args }) => verifyRun(args),
});

const stat = defineCommand({
  meta: {
    name: "stat",
    description: "Print the size of a log, its segments and its entries",
    examples: ["wsctl log stat /var/lib/wsctl/log"],
  },
  args: { directory, ...commonArgs, json },
  run: ({ args }) => statRun(args),
});

export default defineCommand({
  meta: { name: "log", description: "Read and verify the log of a control plane or of an agent" },
  subCommands: { dump, verify, stat },
});

interface DirectoryOption {
  directory: string;
  json?: boolean | undefined;
}

function dumpRun(options: DirectoryOption & { after: string }): number {
  const after = wholeNumber("after", options.after, 0, Number.MAX_SAFE_INTEGER);
  readExisting(options.directory, ({ sequence, line }) => {
    if (sequence > after) print(`{"sequence":${sequence},${line.slice(1)}`);
  });
  return exitOk;
}

/** Returns 0 only if the log is intact and contains the given head. */
function verifyRun(options: DirectoryOption & { head?: string | undefined }): number {
  const wanted = parseHead(options.head);
  let found: string | undefined;
  const report = readExisting(options.directory, ({ sequence, digest, isLast }) => {
    if (isLast && sequence === wanted?.sequence) found = digest;
  });
  if (wanted !== undefined && found !== wanted.hash) {
    remark(describeMismatch(wanted, report));
    return exitFailed;
  }
  const { head, start } = report;
  if (options.json) printJson({ intact: true, head, ...(start.sequence === 0 ? {} : { start }) });
  else {
    const from = start.sequence === 0 ? "" : `  from entry ${start.sequence + 1} on`;
    print(`whole  ${head.sequence}:${head.digest}${from}`);
  }
  return exitOk;
}

function statRun(options: DirectoryOption): number {
  const report = readExisting(options.directory, () => {});
  const { head, start, segments, tornBytes, logId } = report;
  const bytes = segments.reduce((sum, { size }) => sum + size, 0);
  const [owner] = Object.entries(logOwners).find(([, value]) => value === report.owner) ?? [];
  const shown = {
    owner: owner === "controlPlane" ? "control plane" : (owner ?? "unknown"),
    log_id: logId,
    first_sequence: start.sequence + 1,
    last_sequence: head.sequence,
    segments: segments.length,
    bytes,
    unfinished_bytes: tornBytes,
  };
  if (options.json) printJson(shown);
  else {
    print(`log of the ${shown.owner}, id ${logId}`);
    print(
      `entries ${shown.first_sequence} to ${head.sequence} in ${quantity(segments.length, "segment")}, ${bytes} bytes`,
    );
    if (tornBytes > 0) print(`${tornBytes} bytes of a batch that is not finished`);
  }
  return exitOk;
}

function parseHead(text: string | undefined): AuditHead | undefined {
  if (text === undefined) return undefined;
  const head = parseAuditHead(text);
  if (head !== undefined) return head;
  throw usage(`Flag --head is "${text}": expected SEQUENCE:DIGEST, as printed by verify`);
}

function describeMismatch({ sequence }: AuditHead, { start, head }: LogReport): string {
  if (sequence > head.sequence) {
    return `The log ends at entry ${head.sequence}: entry ${sequence} of the given head is missing.`;
  }
  return sequence <= start.sequence
    ? `Entry ${sequence} of the given head is older than the log, and cannot be verified.`
    : `The log up to entry ${sequence} does not match the given head.`;
}

function readExisting(path: string, onEntry: Parameters<typeof readLog>[1]): LogReport {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return readLog(path, onEntry);
  const text = `Cannot read the log "${path}": it is not a directory`;
  throw usage(`${text}. Specify the directory "log" of a control plane or of an agent`);
}
