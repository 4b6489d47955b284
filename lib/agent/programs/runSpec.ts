/** Builds what a supervisor runs, and the environment of the program. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArtifactParameter } from "../../protocol/commands/files.ts";
import { readInterpreter } from "../../protocol/commands/runScript.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { outputBytesDefault } from "../../protocol/limits.ts";
import type { RunSpec } from "../core/model.ts";
import { envKey, formatValue } from "../manifests/commandManifest.ts";
import { type Helper, type SupervisedRun, scriptFile } from "../supervisor/runFiles.ts";
import { findLogin, homeDirectory, loginEnvironment } from "./loginEnvironment.ts";

/** A program as the host's files and flags allow it. */
export interface RunInput {
  /** Programs that run in sequence; a function gets the parameters with the paths of files. */
  steps: string[][] | ((values: JsonObject) => string[][]);
  /** Parameters that are files, by name. The program gets the path of each instead. */
  files?: Readonly<Record<string, ArtifactParameter>>;
  /** A script that runs in place of steps, by the interpreter that its first line names. */
  script?: { text: string; args: readonly string[] };
  delayMs?: number;
  directory?: string;
  user?: string;
  env?: Readonly<Record<string, string>>;
  outputBytes?: number;
  /** How long artifacts of the program are kept. */
  artifactTtlSeconds?: number;
  /** Checked parameters. The program gets them as JSON and as environment variables. */
  values?: JsonObject;
  /** Standard input instead of the parameters; a function gets the directory of the run. */
  stdin?: string | ((place: RunDirectory) => string);
  /** What happens after the program succeeded. */
  leadsTo?: SupervisedRun["leadsTo"];
}

/** The request that a program runs for, and the directory of this run. */
export interface RunDirectory {
  requestId: string;
  dir: string;
  timeoutMs: number;
}

export interface RunSetting {
  dir: string;
  /** The number of bytes that are kept of a program's output. */
  outputBytesMax: number;
  /** Returns the program that fetches files for a request. */
  fetching(requestId: string, files: readonly PlacedFile[]): Helper;
  /** Returns the program that stores artifacts of a request. */
  storing(requestId: string, ttlSeconds: number | undefined): Helper;
}

export function buildRunSpec(
  request: RunSpec,
  wanted: RunInput,
  { dir, outputBytesMax, fetching, storing }: RunSetting,
): SupervisedRun {
  const { requestId, command, timeoutMs, traceparent } = request;
  const { user, env = {}, script } = wanted;
  const login = findLogin(user);
  const fetched = placeFiles(wanted.files ?? {}, isOther(user) ? sharedDirectory() : dir);
  const values = { ...wanted.values, ...fetched.values };
  const { stdin = `${JSON.stringify(values)}\n` } = wanted;
  return {
    requestId,
    ...(fetched.files.length === 0
      ? {}
      : { fetching: { ...fetching(requestId, fetched.files), dir: fetched.dir } }),
    steps: stepsOf(wanted, values, dir).map((argv) => asUser(user, argv)),
    ...(script === undefined ? {} : { script: script.text }),
    delayMs: wanted.delayMs ?? 0,
    env: {
      ...loginEnvironment(login),
      ...env,
      ...encodeParameters(values),
      WSCTL_COMMAND: command,
      WSCTL_REQUEST_ID: requestId,
      ...(traceparent === undefined ? {} : { TRACEPARENT: traceparent }),
    },
    directory: wanted.directory ?? homeDirectory(login),
    stdin: typeof stdin === "string" ? stdin : stdin({ requestId, dir, timeoutMs }),
    timeoutMs,
    outputBytes: Math.min(outputBytesMax, wanted.outputBytes ?? outputBytesDefault),
    ...(user === undefined ? {} : { user }),
    ...(wanted.leadsTo === undefined ? {} : { leadsTo: wanted.leadsTo }),
    storing: storing(requestId, wanted.artifactTtlSeconds),
  };
}

/** The interpreter is started itself, so that a file system without `exec` permission is enough. */
function stepsOf({ steps, script }: RunInput, values: JsonObject, dir: string): string[][] {
  if (script === undefined) return typeof steps === "function" ? steps(values) : steps;
  return [[...(readInterpreter(script.text) ?? []), join(dir, scriptFile), ...script.args]];
}

function encodeParameters(values: JsonObject): Record<string, string> {
  const named = Object.entries(values).map(([key, value]) => {
    return [`WSCTL_PARAM_${envKey(key)}`, formatValue(value)] as const;
  });
  // An environment variable cannot contain a NUL; standard input has the complete value.
  return Object.fromEntries(named.filter(([, value]) => !value.includes("\0")));
}

/** Only root can switch users; for the agent's own user no switch is necessary. */
function asUser(user: string | undefined, argv: string[]): string[] {
  return user !== undefined && isOther(user) ? [findRunuser(), "-u", user, "--", ...argv] : argv;
}

function isOther(user: string | undefined): boolean {
  return user !== undefined && user !== findLogin()?.user;
}

/** Each file keeps its name, in a directory of its own below `above`. */
function placeFiles(files: NonNullable<RunInput["files"]>, above: string): FetchedFiles {
  const dir = join(above, `wsctl-files-${randomUUID()}`);
  const placed = Object.entries(files).map(([parameter, file]) => {
    return { ...file, parameter, path: join(dir, parameter, file.name) };
  });
  const values = Object.fromEntries(placed.map(({ parameter, path }) => [parameter, path]));
  return { dir, files: placed, values };
}

interface PlacedFile extends ArtifactParameter {
  /** The name of the parameter. */
  parameter: string;
  path: string;
}

interface FetchedFiles {
  dir: string;
  files: readonly PlacedFile[];
  /** The paths, by the name of the parameter. */
  values: Record<string, string>;
}

/** Another user cannot enter the directory of the run. Large files do not belong in memory. */
function sharedDirectory(): string {
  const { TMPDIR } = process.env;
  return TMPDIR === undefined && existsSync("/var/tmp") ? "/var/tmp" : tmpdir();
}

/** It is not on the path of a user other than root. */
function findRunuser(): string {
  return ["/usr/sbin/runuser", "/sbin/runuser"].find((path) => existsSync(path)) ?? "runuser";
}
