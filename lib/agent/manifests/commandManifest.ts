/**
 * A custom command: one checked file in `commands.d`. The program is started from an argument list,
 * without a shell, and a parameter fills exactly one argument.
 */
import { isAbsolute } from "node:path";
import * as v from "valibot";
import { checkParameters } from "../../protocol/checkParameters.ts";
import { isJsonObject, type JsonObject, setKey } from "../../protocol/json.ts";
import {
  artifactTtlSecondsMax,
  outputBytesDefault,
  outputBytesMax,
  timeoutSecondsMax,
} from "../../protocol/limits.ts";
import { CommandName } from "../../protocol/names.ts";
import { system } from "../../system/current.ts";
import { checkSchema } from "./checkSchema.ts";
import { checkArtifacts, expandArtifacts } from "./fileParameters.ts";
import { findFault, readToml } from "./tomlFile.ts";

export interface Program {
  name: string;
  /** A one-line description. */
  description: string;
  /** The arguments, with placeholders such as `{version}`. */
  argv: readonly string[];
  /** The JSON Schema of the parameters, which are an object. */
  schema: JsonObject;
  /** The longest timeout that a request may set, in milliseconds. */
  timeoutMs?: number;
  /** The number of runs at the same time; undefined if only the agent's limit applies. */
  concurrency?: number;
  /** The user that the program runs as; undefined for the agent's own user. */
  user?: string;
  /** The working directory; undefined for the home of the user. */
  directory?: string;
  env: Readonly<Record<string, string>>;
  /** The bytes of output that are kept: the first half from the start, the rest from the end. */
  outputBytes: number;
  /**
   * Whether the program is stopped when its job is cancelled. At its timeout it is always stopped.
   */
  isCancellable: boolean;
  /** How long its artifacts are kept; undefined for the default of the control plane. */
  artifactTtlSeconds?: number;
}

const Text = v.pipe(v.string(), v.nonEmpty("must not be empty"));

function whole(least: number, most: number) {
  const rule = `must be a whole number from ${least} to ${most}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(least, rule), v.maxValue(most, rule));
}

const VariableName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must have names of letters, digits and _"),
);
const VariableValue = v.pipe(
  v.string("must be text"),
  v.check((text) => !text.includes("\0"), "must not contain a NUL character"),
);

const Manifest = v.strictObject({
  name: v.optional(CommandName),
  description: Text,
  argv: v.pipe(v.array(Text), v.minLength(1, "must name a program")),
  parameters: v.optional(v.custom<JsonObject>(isJsonObject, "must be a table"), {}),
  timeout_seconds: v.optional(whole(1, timeoutSecondsMax)),
  concurrency: v.optional(whole(1, 1_000)),
  user: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z_][a-z0-9_-]*$/i, "must be the name of a user"),
      v.check(() => system.hasUsers, "must be absent: on this system programs run as the agent"),
    ),
  ),
  directory: v.optional(v.pipe(v.string(), v.check(isAbsolute, "must be an absolute path"))),
  env: v.optional(v.record(VariableName, VariableValue), {}),
  output_bytes: v.optional(whole(1_024, outputBytesMax), outputBytesDefault),
  cancellable: v.optional(v.boolean("must be true or false"), true),
  artifact_ttl_seconds: v.optional(whole(60, artifactTtlSecondsMax)),
});

/**
 * Parses the file `NAME.toml`.
 * @throws {WsctlError} USAGE with the invalid key and what is expected.
 */
export function parseProgram(fileName: string, text: string): Program {
  const {
    name,
    parameters,
    timeout_seconds,
    output_bytes,
    concurrency,
    user,
    directory,
    cancellable,
    artifact_ttl_seconds,
    ...rest
  } = readToml(fileName, text, Manifest);
  const named = v.safeParse(CommandName, name ?? fileName.replace(/\.toml$/, ""));
  if (!named.success) throw findFault(fileName, `its name ${named.issues[0].message}`);
  const wrongFile = checkArtifacts(parameters);
  if (wrongFile !== undefined) throw findFault(fileName, wrongFile);
  const program: Program = {
    ...rest,
    name: named.output,
    schema: {
      ...{ additionalProperties: false, properties: {} },
      ...{ ...expandArtifacts(parameters), type: "object" },
    },
    ...(timeout_seconds === undefined ? {} : { timeoutMs: timeout_seconds * 1000 }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(user === undefined ? {} : { user }),
    ...(directory === undefined ? {} : { directory }),
    outputBytes: output_bytes,
    isCancellable: cancellable,
    ...(artifact_ttl_seconds === undefined ? {} : { artifactTtlSeconds: artifact_ttl_seconds }),
  };
  const reason =
    checkSchema(program.schema, "parameters") ??
    checkArgv(program) ??
    checkVariables(program) ??
    checkRequired(program.schema);
  if (reason !== undefined) throw findFault(fileName, reason);
  return program;
}

/** Returns the parameters with default values, or what is wrong with them. */
export function applyDefaults(
  { schema }: Program,
  parameters: JsonObject,
): { values: JsonObject; fault?: never } | { values?: never; fault: string } {
  const values: JsonObject = {};
  for (const [key, property] of Object.entries(readProperties(schema))) {
    const given = Object.hasOwn(parameters, key) ? parameters[key] : property.default;
    if (given !== undefined) setKey(values, key, given);
  }
  for (const [key, value] of Object.entries(parameters)) {
    if (!Object.hasOwn(values, key)) setKey(values, key, value);
  }
  const fault = checkParameters(schema, values);
  return fault === undefined ? { values } : { fault };
}

/** Returns which value cannot be an argument: an argument of the operating system ends at a NUL. */
export function checkArguments({ argv }: Program, values: JsonObject): string | undefined {
  const names = argv.flatMap((argument) =>
    [...argument.matchAll(placeholder)].map(([, n = ""]) => n),
  );
  const wrong = names.find((name) => formatValue(values[name]).includes("\0"));
  if (wrong === undefined) return undefined;
  return `parameters.${wrong} must not contain a NUL character: it becomes an argument`;
}

/** Returns the argument list for checked values. */
export function buildArgv({ argv }: Program, values: JsonObject): string[] {
  return argv.map((argument) =>
    argument.replace(placeholder, (_whole, name: string) => formatValue(values[name])),
  );
}

/** Formats a value as an argument: text unchanged, everything else as JSON. */
export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const placeholder = /\{([A-Za-z_][A-Za-z0-9_-]*)\}/g;

function checkArgv({ argv, schema }: Program): string | undefined {
  const properties = readProperties(schema);
  const required = Array.isArray(schema.required) ? schema.required : [];
  for (const [index, argument] of argv.entries()) {
    if (argument.includes("\0")) return `argv[${index}]: must not contain a NUL character`;
    for (const [, name = ""] of argument.matchAll(placeholder)) {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (property === undefined) return `argv[${index}]: no parameter is called "${name}"`;
      if (property.default === undefined && !required.includes(name)) {
        return `argv[${index}]: parameter "${name}" must be required or have a default`;
      }
      if (index === 0) return "argv[0]: the program itself must not depend on a parameter";
    }
  }
  return undefined;
}

/** A parameter that is required but not defined could not be given. */
function checkRequired(schema: JsonObject): string | undefined {
  const { required, additionalProperties, patternProperties } = schema;
  if (additionalProperties !== false || patternProperties !== undefined) return undefined;
  const names = Array.isArray(required) ? required : [];
  const missing = names.find((name) => !Object.hasOwn(readProperties(schema), String(name)));
  if (missing === undefined) return undefined;
  return `parameters.required: no parameter is called "${missing}"`;
}

/** Two parameters must not share one environment variable. */
function checkVariables({ schema }: Program): string | undefined {
  const names = Object.keys(readProperties(schema));
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(envKey(name));
    if (other !== undefined) {
      return `parameters: "${other}" and "${name}" would both be WSCTL_PARAM_${envKey(name)}`;
    }
    seen.set(envKey(name), name);
  }
  return undefined;
}

/** Returns a parameter's name as the end of an environment variable's name. */
export function envKey(key: string): string {
  return key.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

function readProperties(schema: JsonObject): Record<string, JsonObject> {
  return isJsonObject(schema.properties) ? (schema.properties as Record<string, JsonObject>) : {};
}
