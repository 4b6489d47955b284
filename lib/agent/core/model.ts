/**
 * What the agent remembers, and what its core asks to be done. The core (`core.ts`,
 * `connection.ts`, `executor.ts`) turns events into these; `../start.ts` carries them out.
 *
 * Times are milliseconds since 1970 on the agent's steady clock.
 */
import type { JsonObject } from "../../protocol/json.ts";
import type { AgentDraft, Decoded } from "../../protocol/wire/codec.ts";
import type { ControlMessage, Output } from "../../protocol/wire/message.ts";

/** What a request is answered with; stored before it is sent, and repeated from there. */
export type ResponseBody = (
  | { type: "response"; status: "success" | "failed"; message?: string; result?: unknown }
  | { type: "error"; code: string; message: string }
) & {
  /** How long its command ran, in milliseconds; absent where it never began. */
  executionMs?: number;
};

/** One request in the agent's journal. */
export interface RequestRecord {
  requestId: string;
  command: string;
  parameters: JsonObject;
  /**
   * `accepted`: waits for its turn; `started`: may have had an effect; `restarting`: this process
   * ends for it; `ended`: has its answer; `acknowledged`: the control plane has the answer too.
   */
  state: "accepted" | "started" | "restarting" | "ended" | "acknowledged";
  timeoutMs: number;
  /** Must not start after this; absent where the control plane set none. */
  expiresAt?: number;
  /** It runs outside of the agent's process: the next one takes it up. */
  outlives?: boolean;
  /** Ids of the trusted keys that have signed it. */
  signedBy?: string[];
  /** It goes on although its job is cancelled. */
  isCancellable?: false;
  /** The restart tries another version out. */
  update?: Update;
  /** Remembered at least until then. */
  keepUntil: number;
  /** When this state was entered. */
  since: number;
  /** When its command began. */
  startedAt?: number;
  answer?: ResponseBody;
}

/** Another version that is ready to be tried, and to take this one's place if it proves itself. */
export interface Update {
  from: string;
  to: string;
  /** Its program, checked. */
  file: string;
  /** How long it has to connect, and then to stay connected without a break, in milliseconds. */
  connectMs: number;
  healthyMs: number;
}

/** What this process is, and what a trial of another version came to that it comes back from. */
export interface ProcessInfo {
  pid: number;
  version: string;
  /** Why the version that was tried last did not stay. */
  trialFault?: string;
  /** It has to prove itself first: what it is to answer for is not certain yet. */
  isOnTrial?: boolean;
}

/** The name of the agent's memory, as the control plane gave it, and how often it was renewed. */
export interface Identity {
  journalId: string;
  epoch: number;
}

export type AgentWrite =
  | { type: "putIdentity"; identity: Identity }
  | { type: "putRequest"; record: RequestRecord }
  | { type: "markAcknowledged"; requestId: string }
  /** Forgets acknowledged requests whose time of remembering ended before this moment. */
  | { type: "pruneRequests"; before: number };

export type AgentEffect =
  | { type: "dial"; link: number }
  | { type: "send"; link: number; message: AgentDraft }
  | { type: "ping"; link: number }
  | { type: "close"; link: number; code: number; reason: string }
  | { type: "terminate"; link: number }
  /** Run a command; tell how it ended with a `finished` event. */
  | ({ type: "run" } & RunSpec)
  /** Go on with a command that an earlier process began; tell of its end as of any other. */
  | { type: "resumeRun"; requestId: string; command: string }
  /** The answer to a command that outlives the process is on disk: what it left may go. */
  | { type: "deleteRunDirectory"; requestId: string }
  /** The record of this request is on disk at last: say so with a `saved` event. */
  | { type: "confirmPersisted"; requestId: string }
  /** Tell a running command to stop. */
  | { type: "abort"; requestId: string; why: StopReason }
  /** Pass on what its program writes, with `output` events. */
  | { type: "subscribeOutput"; order: OutputSubscription }
  /** This one has left; or all that followed did so over a connection that is lost. */
  | { type: "unsubscribeOutput"; left?: SubscriptionRef }
  /** Say what this agent can do with a `capabilities` event. */
  | { type: "readCapabilities"; isTextWanted: boolean }
  /** Replace this process by a fresh one, or by one of another version if that proves itself. */
  | { type: "restart"; update?: Update }
  /** Measure this host and report with a `measured` event. */
  | { type: "readHostMetrics" }
  | { type: "log"; level: "debug" | "info" | "warn"; text: string };

/** A command to be run, and for how long it may. */
export interface RunSpec {
  requestId: string;
  command: string;
  parameters: JsonObject;
  timeoutMs: number;
}

/**
 * What a subscriber asks of a program's output: the pieces behind one, until those are so many
 * bytes.
 */
export interface OutputSubscription {
  requestId: string;
  subscriptionId: number;
  after: number;
  bytes: number;
  /** The program is there, or is still to come. */
  isPending: boolean;
}

/** A subscriber that has left. */
export type SubscriptionRef = Pick<OutputSubscription, "requestId" | "subscriptionId">;

/** A piece of live output for one subscriber, in the words of the `output` message. */
export type OutputPiece = { requestId: string } & Output["payload"];

/** Why a command is stopped: its time is up, or its job was cancelled. */
export type StopReason = "timeout" | "cancel";

/** How a command's code ended. */
export type CommandResult =
  | { status: "success" | "failed"; message?: string; result?: unknown }
  /** The process is to be replaced; whoever comes back answers. */
  | { status: "restart"; update?: Update }
  /** It was stopped; this is what it had written by then. */
  | { status: "stopped"; why: StopReason; output: string }
  /** It cannot be known how it ended. */
  | { status: "unknown"; message: string }
  /** It certainly never began. */
  | { status: "not_started"; message: string };

export interface HostMetrics {
  cpuPercent: number;
  memoryBytes: number;
}

export type AgentEvent =
  /** The process runs; this is what its journal holds. `random` is from 0 up to 1. */
  | { type: "started"; identity: Identity; records: RequestRecord[]; random: number }
  | { type: "connectionOpened"; link: number; isExtended: boolean }
  /** A message, or why it is none. Of a command, `known` is what the journal has of its id. */
  | {
      type: "messageReceived";
      link: number;
      decoded: Decoded<ControlMessage>;
      known?: RequestRecord;
    }
  /** A frame that is no text. */
  | { type: "binaryReceived"; link: number }
  | { type: "pongReceived"; link: number }
  | { type: "connectionClosed"; link: number; code: number; reason: string; random: number }
  | { type: "commandFinished"; requestId: string; result: CommandResult }
  | { type: "requestPersisted"; requestId: string }
  /** This process cannot be replaced by a fresh one, and goes on. */
  | { type: "restart_failed"; reason: string }
  | { type: "outputProduced"; piece: OutputPiece }
  /** The digest of what this agent can do now; the text where it is wanted. */
  | { type: "capabilitiesRead"; digest: string; text?: string }
  | { type: "hostMetricsRead"; metrics: HostMetrics }
  /** These writes could not be made, and with them nothing that waited for them was done. */
  | { type: "commitFailed"; writes: AgentWrite[] }
  | { type: "tick"; random: number }
  /** No new commands; the link is closed as soon as the running ones have ended. */
  | { type: "stopRequested" };
