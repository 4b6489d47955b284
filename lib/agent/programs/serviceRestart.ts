/** A service that `restart` may restart: one checked file in `services.d`. */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { AgentId } from "../../protocol/names.ts";
import { delaySecondsMax } from "../commands/restart.ts";
import type { ManifestDirectory } from "../manifests/manifestDirectory.ts";
import { findFault, readToml } from "../manifests/tomlFile.ts";
import { type ProgramKind, type ResolvedProgram, reject } from "./programKind.ts";

export interface Service {
  name: string;
  /** Programs that run in sequence until one fails. */
  steps: string[][];
}

const Argv = v.pipe(
  v.array(v.pipe(v.string(), v.nonEmpty("must not be empty"))),
  v.minLength(1, "must name a program"),
);

const Manifest = v.strictObject({
  /** For people who read the file, as in the other manifests. */
  description: v.optional(v.string()),
  unit: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$/, "must be the name of a systemd unit"),
    ),
  ),
  restart: v.optional(Argv),
  stop: v.optional(Argv),
  start: v.optional(Argv),
});

/**
 * Parses the file `NAME.toml`.
 * @throws {WsctlError} USAGE with what is wrong and what is expected.
 */
export function parseService(fileName: string, text: string): Service {
  const manifest = readToml(fileName, text, Manifest);
  const name = v.safeParse(AgentId, fileName.replace(/\.toml$/, ""));
  if (!name.success) throw findFault(fileName, `its name ${name.issues[0].message}`);
  const steps = buildSteps(manifest);
  if (steps !== undefined) return { name: name.output, steps };
  throw findFault(fileName, 'must have either "unit", or "restart", or both "stop" and "start"');
}

const Parameters = v.strictObject({
  service: v.string(),
  delay_seconds: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(delaySecondsMax)), 0),
});

/**
 * Returns the program kind of `restart` with a service. Without a service, `restart` is built in.
 */
export function serviceRestart(services: ManifestDirectory<Service>): ProgramKind {
  return {
    // Services are announced in the schema of `restart`.
    entries: () => [],
    resolve: (command, parameters) => {
      const isMeant = isJsonObject(parameters) && Object.hasOwn(parameters, "service");
      return command === "restart" && isMeant ? resolve(services, parameters) : undefined;
    },
  };
}

function listNames(services: ManifestDirectory<Service>): string[] {
  return services.list().flatMap(({ item }) => (item ? [item.name] : []));
}

function resolve(services: ManifestDirectory<Service>, parameters: JsonObject): ResolvedProgram {
  const parsed = v.safeParse(Parameters, parameters);
  if (!parsed.success) {
    const message = `parameters: expected {"service": NAME, "delay_seconds"?: 0 to ${delaySecondsMax}}`;
    return reject("INVALID_PARAMETERS", message);
  }
  const { service, delay_seconds } = parsed.output;
  const found = services.find(service);
  if (found?.item !== undefined) {
    return { input: { steps: found.item.steps, delayMs: delay_seconds * 1000 } };
  }
  const all = listNames(services);
  const known = all.length === 0 ? "there are none" : `available: ${all.join(", ")}`;
  const why = found?.fault ?? `unknown service on this host; ${known}`;
  return reject("INVALID_PARAMETERS", `parameters.service: ${why}`);
}

function buildSteps(manifest: v.InferOutput<typeof Manifest>): string[][] | undefined {
  const { description: _description, ...ways } = manifest;
  const { unit, restart, stop, start } = ways;
  const keys = Object.keys(ways).sort().join(" ");
  if (keys === "unit" && unit !== undefined) {
    return [
      ["systemctl", "restart", "--", unit],
      ["/bin/sh", "-c", checkUnit, "sh", unit],
    ];
  }
  if (keys === "restart" && restart !== undefined) return [restart];
  if (keys === "start stop" && stop !== undefined && start !== undefined) return [stop, start];
  return undefined;
}

/**
 * Fails if the unit has failed, or has been started again, a second after its restart: for most
 * units systemctl only reports that the process was created. systemd counts automatic starts in
 * `NRestarts`, from zero at each restart by an operator.
 */
const checkUnit = `sleep 1
state=$(systemctl show --property=ActiveState --value -- "$1")
starts=$(systemctl show --property=NRestarts --value -- "$1")
case "$state $starts" in
failed* | activating* | *" "[1-9]*) systemctl status --no-pager --lines=10 -- "$1"; exit 1 ;;
esac`;
