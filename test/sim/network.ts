/**
 * A virtual network: connections whose frames take their time, in order each way; that are cut,
 * fall silent without a word, or are not read. Old connections go on delivering what was under way
 * after a new one was made, so messages overtake each other across reconnects.
 */
import type { ClientSocket, ClientSocketEvents, ServerSocket } from "../../lib/runtime/runtime.ts";
import type { Random } from "./random.ts";
import type { ProcessClock, Time } from "./time.ts";

/** What the accepting side is told; the control plane's process is looked up at every event. */
export interface Acceptor {
  opened(socket: ServerSocket): number;
  received(sessionId: number, frame: string | Uint8Array): void;
  closed(sessionId: number): void;
}

export interface NetworkOptions {
  time: Time;
  random: Random;
  /** The longest way of a frame, in milliseconds. */
  latencyMs: number;
  met(what: string): void;
}

/** The dialling side: its process, what it is told, and the subprotocol it asked for. */
export interface Client {
  clock: ProcessClock;
  events: ClientSocketEvents;
  protocol: string;
}

/** Something under way, and which request it answers. */
interface Frame {
  at: number;
  run: () => void;
  answers: string | undefined;
}

/** How long a dead peer goes unnoticed where no FIN arrives. */
const forever = Number.POSITIVE_INFINITY;

/** Frames that a reader may leave unread before the sender gives it up. */
const unreadMax = 64;

export class Network {
  readonly options: NetworkOptions;
  readonly connections = new Set<Connection>();
  /** Nobody reaches anybody until then. */
  #partitionedUntil = new Map<string, number>();

  constructor(options: NetworkOptions) {
    this.options = options;
  }

  partition(host: string, until: number): void {
    this.#partitionedUntil.set(host, until);
    for (const connection of this.connections) {
      if (connection.host === host) connection.silence(until);
    }
  }

  isPartitioned(host: string): boolean {
    return (this.#partitionedUntil.get(host) ?? 0) > this.options.time.now;
  }

  delayMs(): number {
    const { random, latencyMs } = this.options;
    return random.int(1, latencyMs);
  }
}

/** Our own codec writes the type first. */
function typeOf(text: string): string {
  return text.slice(typeAt, text.indexOf('"', typeAt));
}

const typeAt = '{"type":"'.length;
/** What is met with each type of message, by the length of its name and the first letter. */
const metWith: string[] = [];

function messageMet(text: string | Uint8Array): string {
  if (typeof text !== "string") return "message output";
  const key = (text.indexOf('"', typeAt) << 7) | text.charCodeAt(typeAt);
  metWith[key] ??= `message ${typeOf(text)}`;
  return metWith[key];
}

export class Connection {
  readonly host: string;
  readonly #network: Network;
  readonly #client: Client;
  #server: { clock: ProcessClock; acceptor: Acceptor; sessionId: number } | undefined;
  /** Each way delivers in order: nothing arrives before what was sent earlier. */
  readonly #toClientQueue: Frame[] = [];
  readonly #toServerQueue: Frame[] = [];
  #silentUntil = 0;
  #unreadUntil = 0;
  #unread = 0;
  #clientClosed = false;
  #serverClosed = false;

  constructor(network: Network, host: string, client: Client) {
    this.#network = network;
    this.host = host;
    this.#client = client;
    network.connections.add(this);
  }

  /** The dialling side; the control plane is asked for when the attempt gets there. */
  dial(server: () => { clock: ProcessClock; acceptor: Acceptor } | undefined): ClientSocket {
    const network = this.#network;
    this.#toServer(() => {
      const found = server();
      if (found === undefined) return this.#closeClient(1006, "connection refused");
      this.#server = { ...found, sessionId: 0 };
      found.clock.run(() => {
        if (this.#server === undefined || this.#serverClosed) return;
        this.#toClient(() => this.#client.events.open(this.#client.protocol));
        this.#server.sessionId = found.acceptor.opened(this.#serverSocket());
      });
    });
    if (network.isPartitioned(this.host)) this.silence(forever);
    return {
      send: (frame) => this.#say(frame, answeredBy(frame)),
      ping: () => this.#toServer(() => this.#toClient(() => this.#client.events.pong())),
      close: (code, reason) => {
        this.#toServer(() => this.#closeServer());
        this.#toClient(() => this.#closeClient(code, reason));
      },
      // Bun and Node report the end of a terminated socket; nothing here waits for it.
      terminate: () => this.clientDied(),
    };
  }

  /** Sends what somebody in the place of the agent says; it is the answer to nothing. */
  say(frame: string | Uint8Array): void {
    this.#say(frame);
  }

  #say(frame: string | Uint8Array, answers?: string): void {
    this.#network.options.met(messageMet(frame));
    this.#toServer(() => this.#deliverToServer(frame), answers);
  }

  /** Both sides are told, each after its own while. */
  cut(): void {
    this.#toServer(() => this.#closeServer());
    this.#toClient(() => this.#closeClient(1006, "connection reset"));
  }

  /** Nothing passes any more, and nobody is told. */
  silence(until: number): void {
    // What was lost for good does not come back with the next partition's end.
    if (this.#silentUntil !== forever) this.#silentUntil = until;
  }

  /** The agent leaves unread what it is sent. */
  stall(until: number): void {
    this.#unreadUntil = until;
  }

  /** The agent gets its latest frame once more. */
  repeat: (() => void) | undefined;

  /** The process on one side is gone; its kernel says so to the other, unless nothing passes. */
  clientDied(): void {
    this.#clientClosed = true;
    this.#forgetIfClosed();
    this.#toServer(() => this.#closeServer());
  }

  serverDied(): void {
    this.#serverClosed = true;
    this.#forgetIfClosed();
    this.#toClient(() => this.#closeClient(1006, "connection reset"));
  }

  isServedBy(clock: ProcessClock | undefined): boolean {
    return this.#server !== undefined && this.#server.clock === clock;
  }

  get isOpen(): boolean {
    return !this.#clientClosed && !this.#serverClosed && this.#server !== undefined;
  }

  #sendToClient(text: string): boolean {
    if (this.#serverClosed) return true;
    if (this.#unread >= unreadMax) return false;
    this.#network.options.met(messageMet(text));
    this.#unread++;
    const deliver = () => this.#client.events.message(text);
    this.#toClient(() => {
      this.#unread--;
      this.repeat = () => this.#toClient(deliver);
      deliver();
    });
    return true;
  }

  #serverSocket(): ServerSocket {
    return {
      send: (text) => this.#sendToClient(text),
      sendAll: (texts) => texts.every((text) => this.#sendToClient(text)),
      close: (code, reason) => {
        this.#toClient(() => this.#closeClient(code, reason));
        this.#toServer(() => this.#closeServer());
      },
      ping: () => {},
      terminate: () => this.cut(),
    };
  }

  #deliverToServer(frame: string | Uint8Array): void {
    const server = this.#server;
    if (server !== undefined) server.acceptor.received(server.sessionId, frame);
  }

  #closeClient(code: number, reason: string): void {
    if (this.#clientClosed) return;
    this.#clientClosed = true;
    this.#client.events.close(code, reason);
    this.#forgetIfClosed();
  }

  #closeServer(): void {
    if (this.#serverClosed) return;
    this.#serverClosed = true;
    const server = this.#server;
    if (server !== undefined) server.acceptor.closed(server.sessionId);
    this.#forgetIfClosed();
  }

  #forgetIfClosed(): void {
    if (!this.#clientClosed || !this.#serverClosed) return;
    this.#network.connections.delete(this);
    // It may hold a session more than there are connections now.
    if (this.#server !== undefined) this.#server.clock.hasRun = true;
  }

  /** `answers` is the id of the request that this answers: it has arrived before it is read. */
  #toServer(run: () => void, answers?: string): void {
    this.#send(this.#toServerQueue, this.#pumpToServer, run, answers);
  }

  #toClient(run: () => void): void {
    this.#send(this.#toClientQueue, this.#pumpToClient, run);
  }

  readonly #pumpToServer = () => this.#pump(this.#toServerQueue, this.#pumpToServer);
  readonly #pumpToClient = () => this.#pump(this.#toClientQueue, this.#pumpToClient);

  /** Hands what has arrived to the process at its end. */
  #handToServer({ run, answers }: Frame): void {
    const clock = this.#server?.clock;
    if (clock === undefined) return run();
    if (answers !== undefined) clock.unread.add(answers);
    clock.run(() => {
      if (answers !== undefined) clock.unread.delete(answers);
      if (!this.#serverClosed) run();
    });
  }

  #handToClient({ run }: Frame): void {
    this.#client.clock.run(() => {
      if (!this.#clientClosed) run();
    });
  }

  /** As TCP would: in order, late rather than not at all, unless nothing ever passes again. */
  #send(queue: Frame[], pump: () => void, run: () => void, answers?: string): void {
    const { time } = this.#network.options;
    if (this.#silentUntil === forever) return;
    const due = Math.max(time.now + this.#network.delayMs(), queue.at(-1)?.at ?? 0);
    queue.push({ at: due, run, answers });
    time.at(due, pump);
  }

  #pump(queue: Frame[], pump: () => void): void {
    const { time } = this.#network.options;
    const isToClient = queue === this.#toClientQueue;
    for (let frame = queue[0]; frame !== undefined && frame.at <= time.now; frame = queue[0]) {
      if (this.#silentUntil === forever) return void queue.splice(0);
      const blockedUntil = Math.max(this.#silentUntil, isToClient ? this.#unreadUntil : 0);
      if (blockedUntil > time.now) {
        frame.at = blockedUntil;
        return void time.at(blockedUntil, pump);
      }
      queue.shift();
      if (isToClient) this.#handToClient(frame);
      else this.#handToServer(frame);
    }
  }
}

/** The id of the request that a message answers, if it is an answer. */
function answeredBy(text: string | Uint8Array): string | undefined {
  if (typeof text !== "string") return undefined;
  if (!text.startsWith("response", typeAt) && !text.startsWith("error", typeAt)) return undefined;
  return /"request_id":"([^"]+)"/.exec(text)?.[1];
}
