/** Passes the messages of a WebSocket on to the leader, and back. */
import type { WSEvents } from "hono/ws";
import type { Trust } from "../../network/trust.ts";
import { sendQueueBytesMax } from "../../protocol/limits.ts";
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import type { ClientSocket, RefusedUpgrade, Runtime, ServerSocket } from "../../runtime/runtime.ts";
import type { Relays } from "./relays.ts";

export interface RelayTarget {
  url: string;
  headers: Record<string, string>;
  protocols: string[];
  trust: Trust;
  /** Aborted when another node leads. */
  ended: AbortSignal;
  isAgent: boolean;
  /** Has it while the client is connected. */
  relays: Relays;
}

/** The acceptance of a job for a fleet is long, and the leader is trusted. */
const leaderMessageBytesMax = 64 * 1024 * 1024;
/** What the leader sends before the client's upgrade is complete. */
const earlyMessagesMax = 64;
/** A client whose upgrade takes longer than this has gone, in milliseconds. */
const upgradeMs = 10_000;
/** Codes that a close frame must not have (RFC 6455, section 7.4.1). */
const unsendable: ReadonlySet<number> = new Set([1005, 1006, 1015]);

/** Connects to the leader first, so that the client sees a refusal as the leader gave it. */
export function openSocketRelay(
  runtime: Runtime,
  target: RelayTarget,
): Promise<{ events: WSEvents } | { refused: Partial<RefusedUpgrade> }> {
  return new Promise((resolve) => {
    const { ended, relays, isAgent, ...address } = target;
    const relay = new SocketRelay(runtime, relays, isAgent);
    const end = () => relay.leader?.terminate();
    ended.addEventListener("abort", end, { once: true });
    relay.leader = runtime.connect(
      { ...address, messageBytesMax: leaderMessageBytesMax },
      {
        open() {
          relay.expectClient();
          resolve({ events: relay.events });
        },
        message: (text) => relay.fromLeader(text),
        pong() {},
        close(code, reason, refused) {
          resolve({ refused: refused ?? { body: reason } });
          ended.removeEventListener("abort", end);
          relay.leaderClosed(code, reason);
        },
      },
    );
  });
}

class SocketRelay {
  readonly #runtime: Runtime;
  readonly #relays: Relays;
  readonly isAgent: boolean;
  leader: ClientSocket | undefined;
  #client: ServerSocket | undefined;
  #early: string[] = [];
  #ended: { code: number; reason: string } | undefined;

  constructor(runtime: Runtime, relays: Relays, isAgent: boolean) {
    this.#runtime = runtime;
    this.#relays = relays;
    this.isAgent = isAgent;
  }

  expectClient(): void {
    setTimeout(() => {
      if (this.#client === undefined) this.leader?.terminate();
    }, upgradeMs).unref();
  }

  readonly events: WSEvents = {
    onOpen: (_event, ws) => {
      this.#client = this.#runtime.serverSocket(ws, sendQueueBytesMax);
      this.#relays.add(this);
      for (const text of this.#early.splice(0)) this.fromLeader(text);
      if (this.#ended !== undefined) this.#closeClient(this.#ended.code, this.#ended.reason);
    },
    onMessage: (event) => {
      // The leader decides whether a binary frame is valid.
      const { data } = event;
      this.leader?.send(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    },
    onClose: (event) => {
      this.#relays.delete(this);
      const { code, reason } = event;
      if (unsendable.has(code)) this.leader?.terminate();
      else this.leader?.close(code, reason);
    },
  };

  fromLeader(text: string | undefined): void {
    if (text === undefined) return;
    if (this.#client === undefined) {
      this.#early.push(text);
      if (this.#early.length > earlyMessagesMax) this.leader?.terminate();
      return;
    }
    // A client that does not read is cut off, as the leader does with its own.
    if (!this.#client.send(text)) this.leader?.terminate();
  }

  move(): void {
    const { code } = closeCodes.restarting;
    this.#closeClient(code, "this node is shutting down; connect to another one");
  }

  leaderClosed(code: number, reason: string): void {
    this.#ended = { code, reason };
    this.#closeClient(code, reason);
  }

  #closeClient(code: number, reason: string): void {
    if (unsendable.has(code)) this.#client?.terminate();
    else this.#client?.close(code, reason);
  }
}
