/**
 * The dependencies of an agent's engine: its host, its journal and the functions that run commands.
 */
import type { Log } from "../log/log.ts";
import type { ClientSocket, ClientSocketEvents } from "../runtime/runtime.ts";
import type { Clock } from "../time/clock.ts";
import type { AgentCoreOptions } from "./core/core.ts";
import type {
  CommandResult,
  HostMetrics,
  OutputPiece,
  OutputSubscription,
  RunSpec,
  SubscriptionRef,
  Update,
} from "./core/model.ts";
import type { AgentJournal } from "./journal/journal.ts";

export const closeTimeoutMs = 1_000;
/** After a pause of this process, it reads received data for this long before a tick. */
export const afterPauseMs = 2_000;

export interface AgentEngineOptions extends AgentCoreOptions {
  journal: AgentJournal;
  clock: Clock;
  log: Log;
  /** Returns a number from 0 up to 1. */
  random(): number;
  /** Starts a connection to the control plane. Throws if no attempt can start. */
  connect(events: ClientSocketEvents): ClientSocket;
  /** Prepares a run before it is stored that the run starts. */
  prepareRun?(requestId: string): void;
  /** Runs a command that was checked. It calls `done` once, after it has returned. */
  run(spec: RunSpec, signal: AbortSignal, done: (result: CommandResult) => void): void;
  /** Resumes a command that an earlier process started. It calls `done` as `run` does. */
  resume(requestId: string, signal: AbortSignal, done: (result: CommandResult) => void): void;
  /** Deletes the files of a run, after the response of its command was stored. */
  deleteRunDirectory(requestId: string): void;
  /** Forwards the output of a request's program, as far as the subscriber requested it. */
  subscribeOutput(subscription: OutputSubscription, emit: (piece: OutputPiece) => void): void;
  /** Ends one subscription, or all of them if `left` is absent because the connection is lost. */
  unsubscribeOutput(left?: SubscriptionRef): void;
  /** Returns the agent's list of `Capability` as JSON, and its SHA-256 in hexadecimal. */
  readCapabilities(): { digest: string; text: string };
  readHostMetrics(): HostMetrics;
  /** Keeps the addresses of the nodes of the cluster, for later connections. */
  storeAddresses?(addresses: readonly string[]): void;
  /** Returns why a new process of this program cannot start, or undefined if it can. */
  restartFault?(): Promise<string | undefined>;
  /** Replaces this process, by another version if `update` is given. */
  restart(update: Update | undefined): void;
  /** Called when the connection has come up or has been lost. */
  onConnected?(isUp: boolean): void;
  /** Called once, when everything has ended after `stop`. */
  onStopped(): void;
}
