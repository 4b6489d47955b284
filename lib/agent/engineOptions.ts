/** What an agent's engine is given: its host, its journal and how its commands run. */
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

export interface AgentEngineOptions extends AgentCoreOptions {
  journal: AgentJournal;
  clock: Clock;
  log: Log;
  /** From 0 up to 1. */
  random(): number;
  /** Begins a connection to the control plane, or throws where none can even be begun. */
  connect(events: ClientSocketEvents): ClientSocket;
  /** Runs a command that was checked; `done` is called once, later. */
  run(order: RunSpec, signal: AbortSignal, done: (result: CommandResult) => void): void;
  /** Goes on with a command that an earlier process began; `done` as above. */
  resume(requestId: string, signal: AbortSignal, done: (result: CommandResult) => void): void;
  /** The answer to a command that outlives the process is on disk. */
  deleteRunDirectory(requestId: string): void;
  /** Passes on what a request's program writes, piece by piece, as it was asked for. */
  subscribeOutput(order: OutputSubscription, emit: (piece: OutputPiece) => void): void;
  /** Whoever followed did so over a connection that is lost. */
  unsubscribeOutput(left?: SubscriptionRef): void;
  /** What this agent can do: a list of `Capability` as JSON, and its SHA-256 in hexadecimal. */
  readCapabilities(): { digest: string; text: string };
  readHostMetrics(): HostMetrics;
  /** Why a fresh process of this program could not take this one's place. */
  restartFault?(): Promise<string | undefined>;
  /** Replaces this process, by another version where there is one to be tried. */
  restart(update: Update | undefined): void;
  /** Called whenever the connection has come up or gone. */
  onConnected?(isUp: boolean): void;
  /** Called once, when everything has come to rest after `stop`. */
  onStopped(): void;
}
