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
   * Resolves once every agent is connected. Throws what the control plane refuses, or `UNREACHABLE`
   * where they do not all get there in time.
   */
  async start(): Promise<void> {
    const { client, clock, agentIds } = this.#options;
    const tokens: string[] = [];
    await eachOf(agentIds, async (agentId) => {
      const { token } = await client.createToken({ role: "agent", agent_id: agentId });
      this.#made.push(agentId);
      tokens.push(token);
    });
    let cancel = () => {};
    const whole = new Promise<void>((resolve, reject) => {
      this.#isWhole = resolve;
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

  /** Their tokens are revoked and they are forgotten; what they did stays in the history. */
  async remove(): Promise<void> {
    const { client } = this.#options;
    for (const agent of this.#agents) agent.stop();
    await eachOf(this.#made, async (agentId) => {
      await client.revokeAgent(agentId);
      await client.forgetAgent(agentId);
    });
  }
}

async function eachOf<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) await run(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(callsAtOnce, items.length) }, worker));
}
