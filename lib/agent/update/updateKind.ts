/**
 * `update`: a program of the agent downloads another version and verifies it with the keys that
 * this host trusts. Then the version is tried (`trial.ts`).
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { networkEnvironment } from "../../network/proxyRules.ts";
import { errorText } from "../../protocol/errors.ts";
import {
  connectSecondsDefault,
  healthySecondsDefault,
  trialSecondsMax,
} from "../../protocol/limits.ts";
import { formatIssue } from "../../protocol/schemaError.ts";
import { version as current } from "../../protocol/wire/version.ts";
import { isVersion } from "../../release/semver.ts";
import { system } from "../../system/current.ts";
import type { ControlPlaneAccess } from "../identity/controlPlaneAccess.ts";
import { builtInSummary } from "../programs/builtInPrograms.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "../programs/programKind.ts";
import { assertWritable } from "./install.ts";
import type { StageRequest } from "./stageRelease.ts";

export interface UpdateOptions {
  /** The public keys that may sign a release for this host, and how many of them must. */
  releaseKeys: readonly string[];
  releaseThreshold: number;
  /** The command line that starts this program, and its path if it is a single file. */
  self: readonly string[];
  program: string | undefined;
  /** The directory in which a version is staged. */
  dir: string;
  access(): ControlPlaneAccess;
  /** A trial is in progress: this process is the version on trial. */
  isOnTrial: boolean;
}

/** Includes a download over a slow connection, and the trial. */
const timeout_seconds = 1_800;

const secondsRule = `must be a whole number of seconds from 1 to ${trialSecondsMax}`;
const Seconds = v.pipe(
  v.number(secondsRule),
  v.integer(secondsRule),
  v.minValue(1, secondsRule),
  v.maxValue(trialSecondsMax, secondsRule),
);

const Parameters = v.strictObject({
  /** The newest published version if absent. */
  version: v.optional(v.pipe(v.string(), v.check(isVersion, "must be a version such as 1.2.3"))),
  /** Allows a version that is older than the current one. */
  allow_downgrade: v.optional(v.boolean(), false),
  /** How long the new version may take to connect. */
  connect_seconds: v.optional(Seconds, connectSecondsDefault),
  /** How long the new version must then stay connected. */
  health_seconds: v.optional(Seconds, healthySecondsDefault),
});

export function updateKind(options: UpdateOptions): ProgramKind {
  const schema = toJsonSchema(Parameters, { errorMode: "ignore", typeMode: "input" });
  const description = builtInSummary("update");
  const parameters = { ...schema };
  const entry = { name: "update", description, parameters, output: true, timeout_seconds };
  return {
    entries: () => [entry],
    resolve: (command, parameters) => {
      return command === entry.name ? resolve(options, parameters) : undefined;
    },
  };
}

function resolve(options: UpdateOptions, parameters: unknown): ResolvedProgram {
  const { program, releaseKeys: keys, releaseThreshold: threshold, self, dir, access } = options;
  if (program === undefined) {
    return reject(
      "FORBIDDEN",
      "this agent runs from its sources, not from a single file: update the sources",
    );
  }
  if (!system.replacesPrograms) {
    const fix = "stop its service, install the new version, and start it again";
    return reject("FORBIDDEN", `on this system an agent cannot replace its own program: ${fix}`);
  }
  if (keys.length === 0) {
    const text = "this host trusts no release key: set one with wsctl agent --release-key";
    return reject("FORBIDDEN", text);
  }
  if (options.isOnTrial) return reject("BUSY", "a new version is on trial; try again later");
  try {
    assertWritable(program);
  } catch (error) {
    return reject("FORBIDDEN", errorText(error));
  }
  const parsed = v.safeParse(Parameters, parameters);
  if (!parsed.success) {
    return reject("INVALID_PARAMETERS", `parameters: ${formatIssue(parsed.issues[0])}`);
  }
  const { version, allow_downgrade, connect_seconds, health_seconds } = parsed.output;
  const request: Omit<StageRequest, "timeoutMs"> = {
    access: access(),
    current,
    ...(version === undefined ? {} : { version }),
    allowDowngrade: allow_downgrade,
    connectMs: connect_seconds * 1000,
    healthyMs: health_seconds * 1000,
    keys: [...keys],
    threshold,
    dir,
  };
  return {
    input: {
      steps: [[...self, "internal", "stage"]],
      env: networkEnvironment(process.env),
      stdin: ({ timeoutMs }) => JSON.stringify({ ...request, timeoutMs }),
      leadsTo: "update",
    },
    limits: { concurrency: 1 },
  };
}
