/**
 * What agents say they can do, by the digest of the text they said it in: a fleet of equal hosts
 * costs one copy. It is what an operator is shown, and what wrong parameters are held against
 * before anything is sent; the agent judges again.
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

/** Catalogues that no agent has any more may stay until there are so many of them. */
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

  /** Keeps a text, if it is one; `used` are the digests of all agents. False where it is not. */
  take(digest: string, text: string, used: Iterable<string>): boolean {
    const commands = read(digest, text);
    if (commands === undefined) return false;
    this.#journal.addCapabilities(digest, text);
    this.#known.set(digest, commands);
    this.#prune(new Set(used));
    return true;
  }

  /** What an agent has sent; where it cannot be kept, it is asked for on the next connection. */
  learn(
    { agentId: agent, digest, text }: { agentId: string; digest: string; text: string },
    agents: Iterable<AgentState>,
    log: Log,
  ): void {
    const used = [...agents].flatMap(({ record }) => record.capabilities ?? []);
    try {
      if (!this.take(digest, text, used))
        log.warn("an agent's capabilities cannot be taken", { agent });
    } catch (error) {
      log.error(`Cannot keep a capabilities list: ${errorText(error)}`, { agent });
    }
  }

  /** The longest that the command asks for anywhere: each agent holds it to its own limit. */
  timeoutSeconds(command: string, digests: ReadonlySet<string | undefined>): number {
    const asked = [...digests].map((digest) => this.get(digest)?.get(command)?.timeout_seconds);
    return Math.max(...asked.map((seconds) => seconds ?? timeoutSecondsDefault));
  }

  /**
   * What stands against these parameters at every one of these agents; undefined where one may take
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

/**
 * An agent's text is anybody's: only what its digest vouches for, and only schemas that are
 * harmless.
 */
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
