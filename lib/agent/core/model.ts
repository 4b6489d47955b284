/**
 * The agent's journal records, and the events and effects of its core. The core (`core.ts`,
 * `connection.ts`, `executor.ts`) turns events into effects; `../engine.ts` executes them.
 * Times are milliseconds since 1970 on the agent's steady clock.
 */
import type { JsonObject } from "../../protocol/json.ts";
import type { AgentDraft, Decoded } from "../../protocol/wire/codec.ts";
import type { ControlMessage } from "../../protocol/wire/message.ts";
import type { OutputPayload } from "../../protocol/wire/outputFrame.ts";

/** The response to a request. It is stored before it is sent, and repeated from there. */
export type ResponseBody = (
  | { type: "response"; status: "success" | "failed"; message?: string; result?: unknown }
  | { type: "error"; code: string; message: string }
) & {
  /** How long the command ran, in milliseconds; absent if it never started. */
  executionMs?: number;
};

/** One request in the agent's journal. */
export interface RequestRecord {
  requestId: string;
  command: string;
  parameters: JsonObject;
  /**
   * `accepted`: the request waits in the queue. `started`: its command may have had an effect.
   * `restarting`: this process ends for it. `ended`: it has a response. `acknowledged`: the control
   * plane has the response.
   */
  state: "accepted" | "started" | "restarting" | "ended" | "acknowledged";
  timeoutMs: number;
  /** The position in a trace, for the program. */
  traceparent?: string;
  /** The request must not start after this time; absent if the control plane set none. */
  expiresAt?: number;
  /** The command runs outside the agent's process; the next agent process resumes it. */
  outlives?: boolean;
  /** The command runs in the agent's process and writes live output. */
  writesOutput?: boolean;
  /** The ids of the trusted keys that signed the request. */
  signedBy?: string[];
  /** The signed schedule that the request is a run of. */
  run?: ScheduledRun;
  /** The command continues when its job is cancelled. */
  isCancellable?: false;
  /** The version that the restart tries. */
  update?: Update;
  /** The record is kept at least until this time. */
  keepUntil: number;
  /** The time at which this state was entered. */
  since: number;
  /** The time at which the command started. */
  startedAt?: number;
  answer?: ResponseBody;
}

/** An accepted run of a signed schedule, by which later ones are judged. */
export interface ScheduledRun {
  scheduleId: string;
  /** When it was due. Each later run must have been due after it. */
  dueAt: number;
  /** How many runs of the schedule this agent has accepted, this one included. */
  runs: number;
  /** The count is kept at least until this time. */
  keepUntil: number;
}

/** Another version that is ready for a trial, and replaces this one if it passes. */
export interface Update {
  from: string;
  to: string;
  /** Path of the program file, whose digest was checked. */
  file: string;
  /** How long the version may take to connect, and must then stay connected, in milliseconds. */
  connectMs: number;
  healthyMs: number;
}

/** This process, and the result of the last trial of another version, if there was one. */
export interface ProcessInfo {
  pid: number;
  version: string;
  /** Why the last version on trial was not installed. */
  trialFault?: string;
  /** This process is a version on trial, so it does not yet respond to the update. */
  isOnTrial?: boolean;
}

/** The name of the agent's journal, assigned by the control plane, and how often it was renewed. */
export interface Identity {
  journalId: string;
  epoch: number;
  /** What the control plane said with it, to be returned. */
  lineage?: string;
}

export type AgentWrite =
  | { type: "putIdentity"; identity: Identity }
  | { type: "putRequest"; record: RequestRecord }
  | { type: "markAcknowledged"; requestId: string };

export type AgentEffect =
  | { type: "dial"; link: number }
  | { type: "send"; link: number; message: AgentDraft }
  | { type: "ping"; link: number }
  | { type: "close"; link: number; code: number; reason: string }
  | { type: "terminate"; link: number }
  /** Run a command, unless it has expired, then report its end in a `finished` event. */
  | ({ type: "run"; expiresAt?: number } & RunSpec)
  /**
   * Resume a command that an earlier process started, then report its end in a `finished` event.
   */
  | { type: "resumeRun"; requestId: string; command: string }
  /** Delete the files of a run whose response is stored. */
  | { type: "deleteRunDirectory"; requestId: string }
  /** Send a `saved` event when the record of this request is stored. */
  | { type: "confirmPersisted"; requestId: string }
  /** Request a running command to stop. */
  | { type: "abort"; requestId: string; why: StopReason }
  /** Forward the output of its program in `output` events. */
  | { type: "subscribeOutput"; subscription: OutputSubscription }
  /** End one subscription, or, if `left` is absent, all of a lost connection. */
  | { type: "unsubscribeOutput"; left?: SubscriptionRef }
  /** Report the agent's capabilities in a `capabilitiesRead` event. */
  | { type: "readCapabilities"; isTextWanted: boolean }
  /** Replace this process by a new one, or by another version if that passes its trial. */
  | { type: "restart"; update?: Update }
  /** Measure this host and report the result in a `measured` event. */
  | { type: "readHostMetrics" }
  /** Keep the addresses of the nodes of the cluster, for later connections. */
  | { type: "storeAddresses"; addresses: string[] }
  | { type: "log"; level: "debug" | "info" | "warn" | "error"; text: string };

/** A command to run, and its timeout. */
export interface RunSpec {
  requestId: string;
  command: string;
  parameters: JsonObject;
  timeoutMs: number;
  traceparent?: string;
}

/**
 * A subscriber's next read of a program's output: the chunks after a sequence, up to a number of
 * bytes.
 */
export interface OutputSubscription {
  requestId: string;
  subscriptionId: number;
  after: number;
  bytes: number;
  /**
   * `open`: the program runs, or has yet to start. `ended`: it has run. `unknown`: it did not run,
   * as far as the journal knows.
   */
  program: "open" | "ended" | "unknown";
}

/** Identifies a subscription that has ended. */
export type SubscriptionRef = Pick<OutputSubscription, "requestId" | "subscriptionId">;

/** One chunk of live output for one subscriber, or its end. */
export type OutputPiece = { requestId: string } & OutputPayload;

/** Why a command is stopped: its timeout has passed, or its job was cancelled. */
export type StopReason = "timeout" | "cancel";

/**
 * How a command ended. `ranMs` is how long a program ran that may have ended while no agent was
 * there.
 */
export type CommandResult =
  | { status: "success" | "failed"; message?: string; result?: unknown; ranMs?: number }
  /** The process must be replaced; the new process responds. */
  | { status: "restart"; update?: Update }
  /** The command was stopped; `output` is what it had written until then. */
  | { status: "stopped"; why: StopReason; hasBegun: boolean; output: string; ranMs?: number }
  /** It is not known how the command ended. */
  | { status: "unknown"; message: string }
  /** The command did not start. */
  | { status: "not_started"; message: string };

export interface HostMetrics {
  cpuPercent: number;
  memoryBytes: number;
}

export type AgentEvent =
  /** The process has started, with the contents of its journal. `random` is from 0 up to 1. */
  | {
      type: "started";
      identity: Identity;
      records: RequestRecord[];
      /** The latest run of each signed schedule. */
      runs: ScheduledRun[];
      random: number;
    }
  | { type: "connectionOpened"; link: number; isExtended: boolean }
  /**
   * A message, or the reason why it cannot be decoded. For a command and a subscription, `known` is
   * the journal's record of the request.
   */
  | {
      type: "messageReceived";
      link: number;
      decoded: Decoded<ControlMessage>;
      known?: RequestRecord;
    }
  /** A binary frame, which the protocol does not allow. */
  | { type: "binaryReceived"; link: number }
  | { type: "pongReceived"; link: number }
  | { type: "connectionClosed"; link: number; code: number; reason: string; random: number }
  | { type: "commandFinished"; requestId: string; result: CommandResult }
  | { type: "requestPersisted"; requestId: string }
  /** The process cannot be replaced by a new one, and continues. */
  | { type: "restart_failed"; reason: string }
  | { type: "outputProduced"; piece: OutputPiece }
  /** The digest of the agent's current capabilities, and the text if it was requested. */
  | { type: "capabilitiesRead"; digest: string; text?: string }
  | { type: "hostMetricsRead"; metrics: HostMetrics }
  /** These writes failed, and the effects that waited for them did not happen. */
  | { type: "commitFailed"; writes: AgentWrite[] }
  | { type: "tick"; random: number }
  /** No further command starts; the connection closes when the running commands have ended. */
  | { type: "stopRequested" };
