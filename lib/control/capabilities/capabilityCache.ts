/**
 * The capabilities of agents, by the digest of their text, so that equal agents share one copy.
 * They are shown to operators and used to reject invalid parameters before a job is accepted; the
 * agent validates again.
 */

import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Log } from "../../log/log.ts";
import { Capability } from "../../protocol/api/views.ts";
import { checkParameters } from "../../protocol/checkParameters.ts";
import { errorText } from "../../protocol/errors.ts";
import { isJsonObject, isWithinDepth, type JsonObject } from "../../protocol/json.ts";
import { capabilitiesBytesMax, depthMax, timeoutSecondsDefault } from "../../protocol/limits.ts";
import type { AgentState } from "../core/agents/session.ts";
import type { ControlJournal } from "../journal/journal.ts";
import { compileSafe, toSafeSchema } from "./safeSchema.ts";

export type AgentCapabilities = ReadonlyMap<string, Capability>;

/** The maximum number of capabilities that no agent uses any more. */
const unusedMax = 64;

export class CapabilityCache {
  readonly #journal: ControlJournal;
  readonly #known = new Map<string, AgentCapabilities>();

  constructor(journal: ControlJournal) {
    this.#journal = journal;
    for (const { digest, text } of journal.capabilities()) {
      const commands = read(digest, text);
      if (commands !== undefined) this.#known.set(digest, commands);
    }
  }

  has(digest: string): boolean {
    return this.#known.has(digest);
  }

  get(digest: string | undefined): AgentCapabilities | undefined {
    return digest === undefined ? undefined : this.#known.get(digest);
  }

  /** Returns the parameter schemas that agents have announced for the command. */
  schemas(command: string): unknown[] {
    return [...this.#known.values()].flatMap((all) => all.get(command)?.parameters ?? []);
  }

  /**
   * Stores a text if it is valid and returns whether it is. `used` contains the digests of all
   * agents.
   */
  take(digest: string, text: string, used: Iterable<string>): boolean {
    const commands = read(digest, text);
    if (commands === undefined) return false;
    this.#journal.addCapabilities(digest, text);
    this.#known.set(digest, commands);
    this.#prune(new Set(used));
    return true;
  }

  /**
   * Stores capabilities from an agent. If that fails, they are requested again on the next
   * connection.
   */
  learn(
    { agentId: agent, digest, text }: { agentId: string; digest: string; text: string },
    agents: Iterable<AgentState>,
    log: Log,
  ): void {
    const used = [...agents].flatMap(({ record }) => record.capabilities ?? []);
    try {
      if (!this.take(digest, text, used)) log.warn("agent capabilities rejected", { agent });
    } catch (error) {
      log.error(`Cannot store the capabilities of an agent: ${errorText(error)}`, { agent });
    }
  }

  /**
   * Returns the longest timeout that the command has on any of these agents; each agent enforces
   * its own.
   */
  timeoutSeconds(command: string, digests: ReadonlySet<string | undefined>): number {
    const asked = [...digests].map((digest) => this.get(digest)?.get(command)?.timeout_seconds);
    return Math.max(...asked.map((seconds) => seconds ?? timeoutSecondsDefault));
  }

  /**
   * Returns why every one of these agents would reject the parameters; undefined if one may accept
   * them.
   */
  check(
    command: string,
    parameters: JsonObject,
    agents: readonly { agentId: string; digest: string | undefined }[],
  ): string | undefined {
    const verdicts = new Map<string, string | undefined>();
    let found: string | undefined;
    for (const { agentId, digest } of agents) {
      const schema = this.get(digest)?.get(command)?.parameters;
      if (digest === undefined || schema === undefined) return undefined;
      if (!verdicts.has(digest)) {
        verdicts.set(digest, checkParameters(compileSafe(schema, parameters), parameters));
      }
      const fault = verdicts.get(digest);
      if (fault === undefined) return undefined;
      found ??= `${fault} (agent "${agentId}")`;
    }
    return found;
  }

  #prune(used: ReadonlySet<string>): void {
    if (this.#known.size <= used.size + unusedMax) return;
    for (const digest of this.#known.keys()) {
      if (used.has(digest)) continue;
      this.#known.delete(digest);
      this.#journal.removeCapabilities(digest);
    }
  }
}

/** Text from an agent is untrusted: it must match its digest, and only safe schemas are used. */
function read(digest: string, text: string): AgentCapabilities | undefined {
  if (Buffer.byteLength(text) > capabilitiesBytesMax || !isWithinDepth(text, depthMax))
    return undefined;
  if (createHash("sha256").update(text).digest("hex") !== digest) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(v.array(Capability), value);
  if (!parsed.success) return undefined;
  return new Map(
    parsed.output.map((entry) => {
      const schema = isJsonObject(entry.parameters) ? toSafeSchema(entry.parameters) : undefined;
      const { parameters: _given, ...rest } = entry;
      return [entry.name, { ...rest, ...(schema === undefined ? {} : { parameters: schema }) }];
    }),
  );
}
