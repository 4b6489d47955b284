/** A fleet of simulated agents. Their tokens are created for it and deleted with it. */
import type { Client } from "../client/client.ts";
import { WsctlError } from "../protocol/errors.ts";
import { SimulatedAgent, type SimulatedOptions } from "./simulatedAgent.ts";

const connectTimeoutMs = 60_000;
const closeTimeoutMs = 5_000;

/** The number of parallel API calls while tokens are created and agents are deleted. */
const callsAtOnce = 16;

export interface FleetOptions extends Omit<SimulatedOptions, "changed"> {
  client: Client;
  agentIds: readonly string[];
}

export class SimulatedFleet {
  readonly #options: FleetOptions;
  #agents: SimulatedAgent[] = [];
  readonly #tokens: string[] = [];
  readonly #made = new Set<string>();
  #connected = 0;
  #changed = () => {};

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Whether nothing is left at the control plane, as far as is known. */
  get isEmpty(): boolean {
    return this.#made.size === 0;
  }

  /**
   * Creates a token for each agent. The first one is created alone, so that a missing permission is
   * reported once.
   */
  async makeTokens(signal: AbortSignal): Promise<void> {
    const { client, agentIds } = this.#options;
    const make = async (agentId: string) => {
      // Recorded before the call: the token may exist even if the response is lost.
      this.#made.add(agentId);
      try {
        const { token } = await client.createToken({ role: "agent", agent_id: agentId });
        this.#tokens.push(token);
      } catch (error) {
        const isOpen =
          !(error instanceof WsctlError) || /^UNREACHABLE$|^INTERNAL$/.test(error.code);
        if (!isOpen) this.#made.delete(agentId);
        throw error;
      }
    };
    const [first, ...others] = agentIds;
    if (first !== undefined) await make(first);
    const faults = await forEachConcurrently(others, make, signal);
    if (faults.length > 0) throw faults[0];
  }

  /**
   * Resolves once every agent is connected, or when it is cancelled.
   *
   * @throws {WsctlError} UNREACHABLE if not all agents connect in time
   */
  async connect(signal: AbortSignal): Promise<void> {
    const changed = (by: 1 | -1) => {
      this.#connected += by;
      this.#changed();
    };
    this.#agents = this.#tokens.map((token) => {
      return new SimulatedAgent({ ...this.#options, changed }, token);
    });
    for (const agent of this.#agents) agent.start();
    const count = this.#agents.length;
    if (await this.#waitUntil(() => this.#connected === count, connectTimeoutMs, signal)) return;
    if (signal.aborted) return;
    const text = `Only ${this.#connected} of ${count} agents connected`;
    throw new WsctlError("UNREACHABLE", `${text} within ${connectTimeoutMs / 1000} s`);
  }

  /** Deletes the agents and tokens. Throws if some of them could not be deleted. */
  async remove(): Promise<void> {
    for (const agent of this.#agents) agent.stop();
    // Their connections count against the open files of this process, as do the calls.
    await this.#waitUntil(() => this.#connected === 0, closeTimeoutMs);
    await removeAgents(this.#options.client, [...this.#made]);
  }

  /** Returns false after the timeout. */
  #waitUntil(isSo: () => boolean, ms: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const done = () => {
        this.#changed = () => {};
        signal?.removeEventListener("abort", done);
        cancel();
        resolve(isSo());
      };
      const cancel = this.#options.clock.after(ms, done);
      signal?.addEventListener("abort", done);
      this.#changed = () => {
        if (isSo()) done();
      };
      this.#changed();
    });
  }
}

/**
 * Revokes the tokens and deletes the agents; their job history is kept. Continues if one of them
 * fails, and throws the first error at the end.
 */
export async function removeAgents(client: Client, agentIds: readonly string[]): Promise<void> {
  const faults = await forEachConcurrently(agentIds, async (agentId) => {
    await ignoreNotFound(client.revokeAgent(agentId));
    await ignoreNotFound(client.deleteAgent(agentId));
  });
  if (faults.length > 0) throw faults[0];
}

async function ignoreNotFound(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    const isGone = error instanceof WsctlError && /^NO_MATCH$|^NOT_FOUND$/.test(error.code);
    if (!isGone) throw error;
  }
}

/** Runs a function for each item, a few in parallel, until it is cancelled. Returns the errors. */
async function forEachConcurrently<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<unknown[]> {
  const faults: unknown[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length && !signal?.aborted; at = next++) {
      await run(items[at] as T).catch((error) => void faults.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(callsAtOnce, items.length) }, worker));
  return faults;
}
