/**
 * What agents say they can do, by the digest of the text they said it in: a fleet of equal hosts
 * costs one copy. It is what an operator is shown, and what wrong parameters are held against
 * before anything is sent; the agent judges again.
 */

import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Log } from "../../log/log.ts";
import { CatalogueEntry } from "../../protocol/api/views.ts";
import { faultOfParameters } from "../../protocol/checkParameters.ts";
import { errorText } from "../../protocol/errors.ts";
import { isJsonObject, isShallow, type JsonObject } from "../../protocol/json.ts";
import { catalogueBytesMax, depthMax, timeoutSecondsDefault } from "../../protocol/limits.ts";
import type { Agent } from "../core/agents/session.ts";
import type { ControlJournal } from "../journal/journal.ts";
import { judging, tame } from "./safeSchema.ts";

export type Commands = ReadonlyMap<string, CatalogueEntry>;

/** Catalogues that no agent has any more may stay until there are so many of them. */
const unusedMax = 64;

export class Catalogues {
  readonly #journal: ControlJournal;
  readonly #known = new Map<string, Commands>();

  constructor(journal: ControlJournal) {
    this.#journal = journal;
    for (const { digest, text } of journal.catalogues()) {
      const commands = read(digest, text);
      if (commands !== undefined) this.#known.set(digest, commands);
    }
  }

  knows(digest: string): boolean {
    return this.#known.has(digest);
  }

  of(digest: string | undefined): Commands | undefined {
    return digest === undefined ? undefined : this.#known.get(digest);
  }

  /** Keeps a text, if it is one; `used` are the digests of all agents. False where it is not. */
  take(digest: string, text: string, used: Iterable<string>): boolean {
    const commands = read(digest, text);
    if (commands === undefined) return false;
    this.#journal.addCatalogue(digest, text);
    this.#known.set(digest, commands);
    this.#prune(new Set(used));
    return true;
  }

  /** What an agent has sent; where it cannot be kept, it is asked for on the next connection. */
  learn(
    { agentId: agent, digest, text }: { agentId: string; digest: string; text: string },
    agents: Iterable<Agent>,
    log: Log,
  ): void {
    const used = [...agents].flatMap(({ facts }) => facts.catalogue ?? []);
    try {
      if (!this.take(digest, text, used))
        log.warn("an agent's catalogue cannot be taken", { agent });
    } catch (error) {
      log.error(`Cannot keep a catalogue: ${errorText(error)}`, { agent });
    }
  }

  /** The longest that the command asks for anywhere: each agent holds it to its own limit. */
  timeoutSeconds(command: string, digests: ReadonlySet<string | undefined>): number {
    const asked = [...digests].map((digest) => this.of(digest)?.get(command)?.timeout_seconds);
    return Math.max(...asked.map((seconds) => seconds ?? timeoutSecondsDefault));
  }

  /**
   * What stands against these parameters at every one of these agents; undefined where one may take
   * them.
   */
  refusal(
    command: string,
    parameters: JsonObject,
    agents: readonly { agentId: string; digest: string | undefined }[],
  ): string | undefined {
    const verdicts = new Map<string, string | undefined>();
    let found: string | undefined;
    for (const { agentId, digest } of agents) {
      const schema = this.of(digest)?.get(command)?.parameters;
      if (digest === undefined || schema === undefined) return undefined;
      if (!verdicts.has(digest)) {
        verdicts.set(digest, faultOfParameters(judging(schema, parameters), parameters));
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
      this.#journal.removeCatalogue(digest);
    }
  }
}

/**
 * An agent's text is anybody's: only what its digest vouches for, and only schemas that are
 * harmless.
 */
function read(digest: string, text: string): Commands | undefined {
  if (Buffer.byteLength(text) > catalogueBytesMax || !isShallow(text, depthMax)) return undefined;
  if (createHash("sha256").update(text).digest("hex") !== digest) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(v.array(CatalogueEntry), value);
  if (!parsed.success) return undefined;
  return new Map(
    parsed.output.map((entry) => {
      const schema = isJsonObject(entry.parameters) ? tame(entry.parameters) : undefined;
      const { parameters: _given, ...rest } = entry;
      return [entry.name, { ...rest, ...(schema === undefined ? {} : { parameters: schema }) }];
    }),
  );
}
