import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type CommandDef, defineCommand } from "citty";
import { readSources } from "../cli/commandTree.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { exitOk } from "../cli/exit.ts";
import { accessFlags, agentIds } from "../cli/partialArgs.ts";
import type { CommandData } from "../cli/strictArgs.ts";
import { Candidates } from "../completion/candidates.ts";
import { type CompletionContext, parseCompletionContext } from "../completion/cursor.ts";
import { addRemoteCandidates } from "../completion/remoteCandidates.ts";
import { shells } from "../completion/shells.ts";
import { createClient } from "../flags/controlPlane.ts";
import { print } from "../output/stdio.ts";

/** For the scripts of `wsctl completion`: prints candidates for the word under the cursor. */
export default defineCommand({
  meta: {
    name: "complete",
    hidden: true,
    isStandalone: true,
    description: "Print shell completions",
  },
  args: {
    words: {
      type: "positional",
      required: false,
      valueHint: "WORD…",
      description: "the command line, after --, beginning with wsctl",
    },
    index: {
      type: "string",
      default: "0",
      valueHint: "N",
      description: "index of the word, from 0",
    },
    describe: { type: "boolean", description: "add a description after a tab" },
  },
  run: ({ args, data }) =>
    completeRun({
      words: (data as CommandData).lists.words ?? [],
      root: (data as CommandData).root,
      index: Number(args.index),
      describe: args.describe ?? false,
    }),
});

export interface CompleteOptions {
  words: readonly string[];
  root: CommandDef;
  index: number;
  describe: boolean;
}

/** The time limit for the control plane; the candidates that arrived until then are printed. */
const answerMs = 1_000;

/**
 * Prints one candidate per line, or `:files` or `:dirs` if the shell must complete paths. It never
 * fails and never waits long, because the user is typing.
 */
async function completeRun(options: CompleteOptions): Promise<number> {
  try {
    const cursor = await parseCompletionContext(options.words, options.index, options.root);
    for (const line of await linesAt(cursor, options.describe)) print(line);
  } catch {
    // An error means that there are no candidates.
  }
  return exitOk;
}

async function linesAt(
  cursor: CompletionContext | undefined,
  describe: boolean,
): Promise<string[]> {
  if (cursor === undefined) return [];
  const { kind, choices } = cursor;
  if (kind === "files" || kind === "dirs") return [`:${kind}`];
  const isList = kind === "agents" || kind === "selector";
  const part = isList ? lastListItem(cursor.part) : cursor.part;
  const candidates = new Candidates(part);
  for (const [text, description] of choices) candidates.addStatic(text, description);
  if (kind === "shell") for (const shell of Object.keys(shells)) candidates.addStatic(shell);
  else if (kind !== undefined) {
    await Promise.race([ask(cursor, kind, candidates).catch(() => {}), sleep(answerMs)]);
  }
  const earlier = new Set(part.prefix.replace(/^-.*=/, "").split(","));
  const lines = candidates.lines(describe);
  if (!isList) return lines;
  const parseCandidateId = (line: string) => line.slice(part.prefix.length).split("\t")[0] ?? "";
  return lines.filter((line) => !earlier.has(parseCandidateId(line)));
}

async function ask(
  { found, typed, part }: CompletionContext,
  kind: NonNullable<CompletionContext["kind"]>,
  candidates: Candidates,
): Promise<void> {
  if (!isFile(typed.flags.get("config")?.at(-1) ?? process.env.WSCTL_CONFIG)) return;
  const { agent, ...access } = accessFlags(typed, await readSources(found));
  if (!isSafe(access)) return;
  const asked = {
    kind,
    client: await createClient(access),
    agentIds: agentIds(agent),
    command: typed.positionals[0],
    typed: part.typed,
    given: typed.flags.get("param") ?? [],
  };
  await addRemoteCandidates(asked, candidates);
}

/** Whether reading the named files ends; standard input and pipes may not end. */
function isSafe(flags: ClientFlags): boolean {
  return isFile(flags["token-file"]) && isFile(flags.ca);
}

function isFile(path: string | undefined): boolean {
  return path === undefined || statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** In a list with commas, only the last item is completed. */
function lastListItem({ prefix, typed }: CompletionContext["part"]): CompletionContext["part"] {
  const at = typed.lastIndexOf(",") + 1;
  return { prefix: prefix + typed.slice(0, at), typed: typed.slice(at) };
}
