/** A service that `restart` may restart: what one file in `services.d` says, checked. */
import * as v from "valibot";
import { AgentId } from "../../protocol/names.ts";
import { faultIn, readToml } from "./toml.ts";

export interface Service {
  name: string;
  /** Programs to run one after the other; the first that fails ends it. */
  steps: string[][];
}

const Argv = v.pipe(
  v.array(v.pipe(v.string(), v.nonEmpty("must not be empty"))),
  v.minLength(1, "must name a program"),
);

const Manifest = v.strictObject({
  unit: v.optional(
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$/, "must be a unit's name")),
  ),
  restart: v.optional(Argv),
  stop: v.optional(Argv),
  start: v.optional(Argv),
});

/** Reads the file called `NAME.toml`; throws `USAGE` saying what is wrong and what is right. */
export function readService(fileName: string, text: string): Service {
  const manifest = readToml(fileName, text, Manifest);
  const name = v.safeParse(AgentId, fileName.replace(/\.toml$/, ""));
  if (!name.success) throw faultIn(fileName, `its name ${name.issues[0].message}`);
  const steps = stepsOf(manifest);
  if (steps !== undefined) return { name: name.output, steps };
  throw faultIn(fileName, 'must have either "unit", or "restart", or both "stop" and "start"');
}

function stepsOf(manifest: v.InferOutput<typeof Manifest>): string[][] | undefined {
  const { unit, restart, stop, start } = manifest;
  const keys = Object.keys(manifest).sort().join(" ");
  if (keys === "unit" && unit !== undefined) return [["systemctl", "restart", "--", unit]];
  if (keys === "restart" && restart !== undefined) return [restart];
  if (keys === "start stop" && stop !== undefined && start !== undefined) return [stop, start];
  return undefined;
}
