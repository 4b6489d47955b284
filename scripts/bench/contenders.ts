/**
 * What is compared: a hub with its agents, each in a process of its own, and an operator in this
 * one who asks. The scenario is written once; each contender says how it does it.
 */
import type { Running } from "./processes.ts";

export interface Contender {
  name: string;
  /** Why it cannot take part here; undefined where it can. */
  missing(): string | undefined;
  /** With so many agents connected. */
  start(agents: number): Promise<Fleet>;
}

export interface Fleet {
  hub: Running;
  /** Has so many agents more connect. */
  grow(agents: number): Promise<void>;
  /** Asks one agent for `ping`, and has its answer. */
  request(agent: number): Promise<void>;
  /** Asks every agent, and has all answers. */
  fanOut(): Promise<void>;
  stop(): Promise<void>;
}
