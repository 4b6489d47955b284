/** A log source for `fetch_logs`: one checked file in `logs.d`. No other logs can be read. */
import * as v from "valibot";
import { AgentId } from "../../protocol/names.ts";
import { findFault, readToml } from "../manifests/tomlFile.ts";
import { checkGlob } from "./glob.ts";

const Text = v.pipe(v.string(), v.nonEmpty("must not be empty"));
const Argv = v.pipe(
  v.array(
    v.pipe(
      Text,
      v.check((text) => !text.includes("\0"), "must not contain a NUL character"),
    ),
  ),
  v.minLength(1, "must name a program"),
);
const Unit = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$/, "must be the name of a systemd unit"),
);
const Glob = v.pipe(
  v.string(),
  v.check(
    (glob) => checkGlob(glob) === undefined,
    ({ input }) => checkGlob(String(input)) ?? "",
  ),
);
const Globs = v.pipe(v.array(Glob), v.minLength(1, "must name a file"));

const Manifest = v.strictObject({
  description: v.optional(Text),
  files: v.optional(Globs),
  unit: v.optional(Unit),
  journal: v.optional(v.literal(true, "must be true, or omitted")),
  argv: v.optional(Argv),
  follow_argv: v.optional(Argv),
});

const common = { name: AgentId, description: v.optional(v.string()) };

/** A source, as the agent passes it to the process that reads it. */
export const Source = v.variant("kind", [
  v.strictObject({ ...common, kind: v.literal("files"), files: Globs }),
  /** Without a unit, the source is the whole journal. */
  v.strictObject({ ...common, kind: v.literal("journal"), unit: v.optional(Unit) }),
  v.strictObject({
    ...common,
    kind: v.literal("command"),
    argv: Argv,
    /**
     * A program that prints only new lines as they arrive; undefined if the source cannot be
     * followed.
     */
    follow_argv: v.optional(Argv),
  }),
]);
export type Source = v.InferOutput<typeof Source>;
export type FilesSource = Extract<Source, { kind: "files" }>;
export type SystemdJournalSource = Extract<Source, { kind: "journal" }>;
export type CommandSource = Extract<Source, { kind: "command" }>;

/**
 * Parses the file `NAME.toml`.
 * @throws {WsctlError} USAGE with what is wrong and what is expected.
 */
export function parseSource(fileName: string, text: string): Source {
  const manifest = readToml(fileName, text, Manifest);
  const name = v.safeParse(AgentId, fileName.replace(/\.toml$/, ""));
  if (!name.success) throw findFault(fileName, `its name ${name.issues[0].message}`);
  const { description, files, unit, journal, argv, follow_argv } = manifest;
  const given = [files, unit, journal, argv].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw findFault(fileName, 'must have exactly one of "files", "unit", "journal" and "argv"');
  }
  if (follow_argv !== undefined && argv === undefined) {
    throw findFault(
      fileName,
      'follow_argv goes with "argv" alone: files and the journal need none',
    );
  }
  const head = { name: name.output, ...(description === undefined ? {} : { description }) };
  if (files !== undefined) return { ...head, kind: "files", files };
  if (argv !== undefined) {
    return {
      ...head,
      kind: "command",
      argv,
      ...(follow_argv === undefined ? {} : { follow_argv }),
    };
  }
  return { ...head, kind: "journal", ...(unit === undefined ? {} : { unit }) };
}
