/** A fleet of simulated agents at a control plane: tokens made for it, and gone again with it. */
import type { Client } from "../client/client.ts";
import { WsctlError } from "../protocol/errors.ts";
import { SimulatedAgent, type SimulatedOptions } from "./simulatedAgent.ts";

const connectMs = 60_000;

/** Calls at once while tokens are made and agents are removed. */
const callsAtOnce = 16;

export interface FleetOptions extends Omit<SimulatedOptions, "changed"> {
  client: Client;
  agentIds: readonly string[];
}

export class SimulatedFleet {
  readonly #options: FleetOptions;
  #agents: SimulatedAgent[] = [];
  readonly #made: string[] = [];
  #connected = 0;
  #isWhole = () => {};

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** How many are connected now. */
  get connected(): number {
    return this.#connected;
  }

  /**
   * Resolves once every agent is connected, or nobody waits for that any more. Throws what the
   * control plane refuses, or `UNREACHABLE` where they do not all get there in time.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { client, clock, agentIds } = this.#options;
    const tokens: string[] = [];
    const make = async (agentId: string) => {
      // Told first: who does not get the answer may have been given one.
      this.#made.push(agentId);
      const { token } = await client.createToken({ role: "agent", agent_id: agentId });
      tokens.push(token);
    };
    const faults = await eachOf(agentIds, make, signal);
    if (faults.length > 0) throw faults[0];
    if (signal.aborted) return;
    let cancel = () => {};
    const whole = new Promise<void>((resolve, reject) => {
      this.#isWhole = resolve;
      signal.addEventListener("abort", () => resolve());
      cancel = clock.after(connectMs, () => {
        const text = `Only ${this.#connected} of ${agentIds.length} agents got connected`;
        reject(new WsctlError("UNREACHABLE", `${text} within ${connectMs / 1000} s`));
      });
    });
    const changed = (by: 1 | -1) => {
      this.#connected += by;
      if (this.#connected === agentIds.length) this.#isWhole();
    };
    this.#agents = tokens.map((token) => new SimulatedAgent({ ...this.#options, changed }, token));
    for (const agent of this.#agents) agent.start();
    await whole.finally(() => cancel());
  }

  /** What it leaves behind is gone; throws where some of it is still there. */
  async remove(): Promise<void> {
    for (const agent of this.#agents) agent.stop();
    await removeAgents(this.#options.client, this.#made);
  }
}

/**
 * Their tokens are revoked and they are forgotten; what they did stays in the history. Goes on
 * where one cannot be removed, and then throws what stood in its way.
 */
export async function removeAgents(client: Client, agentIds: readonly string[]): Promise<void> {
  const faults = await eachOf(agentIds, async (agentId) => {
    await unlessGone(client.revokeAgent(agentId));
    await unlessGone(client.forgetAgent(agentId));
  });
  if (faults.length > 0) throw faults[0];
}

async function unlessGone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    const isGone = error instanceof WsctlError && /^NO_MATCH$|^NOT_FOUND$/.test(error.code);
    if (!isGone) throw error;
  }
}

/** A few at a time, all of them unless it is called off; what was thrown on the way. */
async function eachOf<T>(
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
