/**
 * The keys whose signatures a command needs before it runs. Without a rule, every command of the
 * control plane is trusted. With rules, a command that no rule names is rejected; a rule for
 * scripts alone leaves the other commands as they are.
 */

import { errorText, WsctlError } from "../../protocol/errors.ts";
import { type PublicKey, parsePublicKey } from "../../protocol/keys.ts";
import type { Command } from "../../protocol/wire/message.ts";
import {
  type CommandSignature,
  findSigners,
  signedBytes,
} from "../../protocol/wire/signedCommand.ts";
import { scheduleBytes } from "../../protocol/wire/signedSchedule.ts";
import type { SignatureCheck } from "../core/admission.ts";
import { checkRun } from "./signedRun.ts";

interface Rule {
  /** How many of the keys must sign. */
  count: number;
  keys: PublicKey[];
}

const every = "*";

export class CommandTrust {
  /** The rules by command; `*` applies to commands without a rule. */
  readonly #rules = new Map<string, Rule>();
  readonly #agentId: string;
  /** Whether commands without a rule are rejected. */
  readonly #needsRule: boolean;

  /**
   * @param texts Rules of the form `[COMMAND[,COMMAND]=][N:]KEY[,KEY]`.
   * @param scriptKeys The keys that scripts need, as `[N:]KEY[,KEY]`.
   * @throws {WsctlError} USAGE if a rule is invalid.
   */
  constructor(texts: readonly string[], agentId: string, scriptKeys?: string) {
    this.#agentId = agentId;
    this.#needsRule = texts.length > 0;
    for (const text of texts) this.#add("trust", text);
    if (scriptKeys !== undefined) this.#addScripts(scriptKeys);
    for (const [command, { count, keys }] of this.#rules) {
      if (count <= keys.length) continue;
      const text = `Flag --trust requires ${count} signatures for "${command}", but names ${keys.length} keys`;
      throw new WsctlError("USAGE", `${text}. Add keys or lower the count`);
    }
  }

  /** Returns the keys that must sign a command; undefined if it needs no signature. */
  requirement(command: string): { count: number; keys: string[] } | undefined {
    const rule = this.#rules.get(command) ?? this.#rules.get(every);
    if (rule !== undefined) return { count: rule.count, keys: rule.keys.map(({ id }) => id) };
    return this.#needsRule ? { count: 1, keys: [] } : undefined;
  }

  /** @param now Milliseconds since 1970 on this host's own clock, not the control plane's. */
  check(message: Command, now: number): SignatureCheck {
    const { command, parameters = {}, not_after, signatures = [], schedule } = message.payload;
    const rule = this.#rules.get(command) ?? this.#rules.get(every);
    if (rule === undefined) {
      if (!this.#needsRule) return { signedBy: [] };
      return { refusal: "this agent requires signed commands, and trusts no key for this command" };
    }
    if ((not_after ?? schedule) === undefined || signatures.length === 0) {
      const once = `wsctl ${signingCommand(command)} --sign KEY`;
      const text = `this agent requires signed commands: use ${once}`;
      return { refusal: `${text}, or wsctl schedules create --sign KEY` };
    }
    const agent = this.#agentId;
    if (schedule !== undefined) {
      const bytes = scheduleBytes({ agent, command, parameters, schedule });
      const checked = this.#signedBy(bytes, signatures, rule);
      return "refusal" in checked ? checked : checkRun(message, schedule, checked, now);
    }
    if (not_after === undefined || Date.parse(not_after) <= now)
      return { refusal: "the signatures of the command have expired" };
    const { request_id } = message;
    const bytes = signedBytes({ agent, request_id, command, parameters, not_after });
    return this.#signedBy(bytes, signatures, rule);
  }

  #signedBy(bytes: Uint8Array, signatures: CommandSignature[], rule: Rule): SignatureCheck {
    const signedBy = findSigners(bytes, signatures, rule.keys);
    if (signedBy.length >= rule.count) return { signedBy };
    const wanted = rule.count === 1 ? "a key" : `${rule.count} keys`;
    const text = `the command is not signed for this agent by ${wanted} that it trusts for this command`;
    return { refusal: `${text} (${signedBy.length} of ${signatures.length} signatures are valid)` };
  }

  #addScripts(keys: string): void {
    if (keys.includes("=")) {
      const text = `Flag --allow-scripts is "${keys}": expected all, or keys as [N:]KEY[,KEY]`;
      throw new WsctlError("USAGE", text);
    }
    this.#add("allow-scripts", `run_script=${keys}`);
  }

  #add(flag: string, text: string): void {
    const [, commands = every, count = "1", list = ""] =
      /^(?:([^=]+)=)?(?:(\d{1,3}):)?(.+)$/.exec(text.trim()) ?? [];
    let keys: PublicKey[];
    try {
      keys = list.split(",").map((key) => parsePublicKey(key.trim()));
    } catch (error) {
      const isTrust = flag === "trust";
      const shape = isTrust ? "[COMMAND[,COMMAND]=][N:]KEY[,KEY]" : "all, or [N:]KEY[,KEY]";
      throw new WsctlError("USAGE", `Flag --${flag} must be ${shape}: ${errorText(error)}`);
    }
    for (const command of commands.split(",").map((each) => each.trim())) {
      if (command === "")
        throw new WsctlError("USAGE", `Flag --trust is "${text}": names no command`);
      const rule = this.#rules.get(command) ?? { count: 1, keys: [] };
      rule.count = Math.max(rule.count, Number(count), 1);
      for (const key of keys) {
        if (rule.keys.every((other) => other.text !== key.text)) rule.keys.push(key);
      }
      this.#rules.set(command, rule);
    }
  }
}

/** The subcommand of the CLI that sends and signs a command. */
function signingCommand(command: string): string {
  return command === "run_script" ? "run" : `send ${command}`;
}
