/**
 * Parses an incomplete command line for completion, and ignores what it cannot parse. To run a
 * command, only the strict parser in `strictArgs.ts` is used.
 */
import type { ArgsDef } from "citty";
import { type ClientFlags, clientArgs } from "./commonFlags.ts";
import { type Sources, strictArgs } from "./strictArgs.ts";

export interface PartialArgs {
  /** The values of each flag in order; a switch has an empty text for each occurrence. */
  flags: Map<string, string[]>;
  positionals: string[];
  /** The flag whose value is the next word. */
  pending?: string;
  /** Whether `--` was given, after which there are no flags. */
  isSeparated: boolean;
}

export function parsePartialArgs(words: readonly string[], args: ArgsDef): PartialArgs {
  const typed: PartialArgs = { flags: new Map(), positionals: [], isSeparated: false };
  const add = (name: string, value: string) =>
    typed.flags.set(name, [...(typed.flags.get(name) ?? []), value]);
  for (const word of words) {
    if (typed.pending !== undefined) {
      add(typed.pending, word);
      delete typed.pending;
    } else if (word === "--" && !typed.isSeparated) typed.isSeparated = true;
    else if (typed.isSeparated || !word.startsWith("-") || word === "-") {
      typed.positionals.push(word);
    } else {
      const at = word.indexOf("=");
      const name = findFlagName(at < 0 ? word : word.slice(0, at), args);
      if (name === undefined) continue;
      if (args[name]?.type === "boolean") add(name, "");
      else if (at >= 0) add(name, word.slice(at + 1));
      else typed.pending = name;
    }
  }
  return typed;
}

/**
 * Returns the flags of the connection and the agents, from the command line, the environment and
 * the settings.
 */
export function accessFlags(
  { flags }: PartialArgs,
  sources: Sources,
): ClientFlags & { agent?: string | undefined } {
  const { json: _json, debug: _debug, ...names } = clientArgs;
  const wanted: ArgsDef = { ...names, agent: { type: "string" } };
  const rawArgs = [...flags]
    .filter(([name]) => Object.hasOwn(wanted, name))
    .map(([name, values]) => `--${name}=${values.at(-1)}`);
  const strict = strictArgs(rawArgs, wanted, sources).rawArgs.slice(0, -1);
  return Object.fromEntries(
    strict.map((flag) => {
      const at = flag.indexOf("=");
      return [flag.slice(2, at), flag.slice(at + 1)];
    }),
  );
}

/** Parses the ids of `--agent`. */
export function agentIds(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
}

function findFlagName(flag: string, args: ArgsDef): string | undefined {
  const names = [flag.replace(/^--/, ""), flag.replace(/^--no-/, "")];
  return names.find((name) => Object.hasOwn(args, name) && args[name]?.type !== "positional");
}
