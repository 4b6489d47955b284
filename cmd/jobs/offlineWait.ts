/**
 * Bounds how long a command waits for offline agents. When it stops waiting, their requests stay
 * queued until their TTL ends. A request that was sent is waited for, because its agent may run it
 * without a connection.
 */
import type { Client } from "../../lib/client/client.ts";
import type { AcceptedLine } from "../../lib/protocol/api/views.ts";
import { formatDuration } from "../flags/values.ts";
import { remark } from "../output/stdio.ts";

/** How long a command waits for offline agents by default, in milliseconds. */
export const offlineWaitMs = 30_000;

/** Above this number of agents, all agents are listed instead of each one read. */
const singlesMax = 20;

export class OfflineWait {
  readonly #client: Pick<Client, "agent" | "agents" | "job">;
  readonly #left = new AbortController();
  /** The agents whose requests have not ended. */
  readonly #open = new Set<string>();
  #job: AcceptedLine["job"] | undefined;
  #isTold = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Pick<Client, "agent" | "agents" | "job">) {
    this.#client = client;
  }

  /** Aborted when only offline agents are left and the wait is over. */
  get signal(): AbortSignal {
    return this.#left.signal;
  }

  begin({ job, requests }: AcceptedLine): void {
    this.#job = job;
    for (const { agent } of requests) this.#open.add(agent);
    if (job.approval?.status !== "pending") this.#arm();
  }

  ended(agent: string): void {
    this.#open.delete(agent);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Names the agents that the command does not wait for any longer. */
  remarkOnLeft(): void {
    const { job_id: id, ttl_seconds: ttl } = this.#job ?? { job_id: "", ttl_seconds: 0 };
    const rest = `The job stays queued for them for ${formatDuration(ttl)} from its start`;
    remark(`Still offline: ${listNames([...this.#open])}. ${rest}`);
    remark(`Follow it with: wsctl jobs watch ${id}`);
    remark(`Cancel it with: wsctl jobs cancel ${id}`);
  }

  #arm(): void {
    this.#timer = setTimeout(() => void this.#check(), offlineWaitMs);
  }

  async #check(): Promise<void> {
    try {
      if (!(await this.#isAnyOnline())) {
        const sent = await this.#sentTo();
        if (sent.length === 0) return this.#left.abort();
        this.#remarkOnSent(sent);
      }
    } catch {
      // The control plane cannot be reached, or an agent was deleted: the stream of the job tells.
    }
    this.#arm();
  }

  /** Returns the agents that may run the command. */
  async #sentTo(): Promise<string[]> {
    const { requests } = await this.#client.job(this.#job?.job_id ?? "");
    const sent = requests.filter(({ agent, state }) => state === "sent" && this.#open.has(agent));
    return sent.map(({ agent }) => agent);
  }

  #remarkOnSent(agents: readonly string[]): void {
    if (this.#isTold) return;
    this.#isTold = true;
    remark(`Offline while the command runs: ${listNames(agents)}. Waiting for the outcome`);
  }

  async #isAnyOnline(): Promise<boolean> {
    const open = [...this.#open];
    const agents =
      open.length <= singlesMax
        ? await Promise.all(open.map((agentId) => this.#client.agent(agentId)))
        : await this.#client.agents();
    return agents.some(({ agent_id, online }) => online && this.#open.has(agent_id));
  }
}

function listNames(agents: readonly string[]): string {
  const names = agents.slice(0, 5).join(", ");
  return agents.length > 5 ? `${names} and ${agents.length - 5} more` : names;
}
