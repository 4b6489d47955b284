/** A control plane of the standard that does everything right, or one thing wrong. */
import { decodeFromAgent } from "../../../lib/protocol/wire/codec.ts";

export const controlFaults = [
  ...["accepts-any-token", "accepts-no-token", "refuses-by-status", "agrees-to-anything"],
  ...["says-welcome", "keeps-the-silent", "counts-heartbeats-alone", "error-to-error"],
  ...["silent-on-malformed", "closes-on-malformed", "refuses-spaces", "refuses-over-100"],
  ...["refuses-unknown-fields", "ignores-binary", "silent-on-unknown-request", "numeric-id"],
  ...["same-id", "sends-again", "parameters-list", "timestamp-local", "closes-on-second-answer"],
  ...["forgets-requests", "takes-large-messages", "refuses-errors", "unnamed-command"],
  ...["refuses-bursts", "takes-floods"],
] as const;
export type ControlFault = (typeof controlFaults)[number];

interface Connection {
  isRefused: boolean;
  lastAt: number;
  refusals: number;
  messages: number;
}
type Socket = Bun.ServerWebSocket<Connection>;

const token = "secret";
const heartbeatMs = 100;

export class StandardControl implements Disposable {
  readonly #fault: ControlFault | undefined;
  readonly #server: Bun.Server<Connection>;
  readonly #open = new Set<Socket>();
  readonly #sent = new Map<string, "open" | "answered">();
  readonly #watch: NodeJS.Timeout;
  #unanswered: string | undefined;
  #count = 0;

  constructor(fault?: ControlFault) {
    this.#fault = fault;
    this.#server = Bun.serve<Connection>({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) => this.#upgrade(request, server),
      websocket: {
        maxPayloadLength: this.#is("takes-large-messages") ? 1 << 24 : 65_536,
        open: (socket) => this.#opened(socket),
        message: (socket, data) => this.#received(socket, data),
        close: (socket) => void this.#open.delete(socket),
      },
    });
    this.#watch = setInterval(() => this.#dropSilent(), heartbeatMs / 4);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}/agent`;
  }

  /** Sends a command to the agent. */
  send(): void {
    const id = this.#is("same-id") ? "same" : `request-${++this.#count}`;
    const { payload, requestId } = this.#wrong(id);
    this.#sent.set(id, "open");
    const text = this.#message("command", payload, requestId);
    this.#unanswered = text;
    for (const socket of this.#open) socket.send(text);
  }

  #wrong(id: string): { payload: object; requestId: unknown } {
    const name = this.#is("unnamed-command") ? "" : "ping";
    const payload = {
      command: name,
      ...(this.#is("parameters-list") ? { parameters: [] } : {}),
    };
    return { payload, requestId: this.#is("numeric-id") ? this.#count : id };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
    void this.#server.stop(true);
  }

  /** Of one connection, which none of the other checks comes near. */
  get #messagesMax(): number {
    if (this.#is("takes-floods")) return Number.POSITIVE_INFINITY;
    return this.#is("refuses-bursts") ? 500 : 1_500;
  }

  #is(fault: ControlFault): boolean {
    return this.#fault === fault;
  }

  #upgrade(request: Request, server: Bun.Server<Connection>): Response | undefined {
    const given = request.headers.get("authorization");
    const isGood =
      given === `Bearer ${token}` ||
      this.#is("accepts-any-token") ||
      (this.#is("accepts-no-token") && given === null);
    if (!isGood && this.#is("refuses-by-status")) return new Response(null, { status: 401 });
    const offered = request.headers.get("sec-websocket-protocol") ?? "";
    const agreed = this.#is("agrees-to-anything") ? offered : "";
    const data = { isRefused: !isGood, lastAt: performance.now(), refusals: 0, messages: 0 };
    server.upgrade(request, { data, headers: { "Sec-WebSocket-Protocol": agreed } });
    return undefined;
  }

  #opened(socket: Socket): void {
    if (socket.data.isRefused) return socket.close(4401);
    this.#open.add(socket);
    if (this.#is("says-welcome")) socket.send(this.#message("welcome", {}, undefined));
    if (this.#is("sends-again") && this.#unanswered !== undefined) socket.send(this.#unanswered);
  }

  #dropSilent(): void {
    if (this.#is("keeps-the-silent")) return;
    for (const socket of this.#open) {
      if (performance.now() - socket.data.lastAt > 3 * heartbeatMs) socket.close(4408);
    }
  }

  #message(type: string, payload: object, id: unknown): string {
    const now = new Date().toISOString();
    const timestamp = this.#is("timestamp-local") ? now.replace("Z", "") : now;
    return JSON.stringify({ type, request_id: id, timestamp, payload });
  }

  #refuse(socket: Socket, code: string, message: string, id: string): void {
    if (++socket.data.refusals > 20) return socket.close(4400);
    socket.send(this.#message("error", { code, message }, id));
  }

  #received(socket: Socket, data: string | Buffer): void {
    if (typeof data !== "string") {
      if (!this.#is("ignores-binary")) socket.close(1003);
      return;
    }
    if (++socket.data.messages > this.#messagesMax) return socket.close(4429);
    const decoded = decodeFromAgent(data, { isExtended: false });
    const isBeat = decoded.message?.type === "heartbeat";
    if (isBeat || !this.#is("counts-heartbeats-alone")) socket.data.lastAt = performance.now();
    if (decoded.refusal !== undefined) {
      const { code, text, requestId, answer } = decoded.refusal;
      if (this.#is("takes-large-messages") && code === "TOO_LARGE") return;
      if (this.#is("closes-on-malformed")) return socket.close(4000);
      if (this.#is("silent-on-malformed")) return;
      if (answer || this.#is("error-to-error")) this.#refuse(socket, code, text, requestId);
      return;
    }
    this.#take(socket, decoded.message as unknown as Received, JSON.parse(data));
  }

  #take(socket: Socket, message: Received, raw: Record<string, unknown>): void {
    const { type, request_id: id = "unknown", payload } = message;
    const known = ["type", "request_id", "timestamp", "payload"];
    if (
      this.#is("refuses-unknown-fields") &&
      Object.keys(raw).some((key) => !known.includes(key))
    ) {
      return this.#refuse(socket, "MALFORMED", "unknown field", id);
    }
    if (type === "status_update") {
      const { cpu_usage: cpu = "", memory_usage: memory = "" } = payload;
      if (this.#is("refuses-spaces") && /\s/.test(cpu + memory)) {
        return this.#refuse(socket, "MALFORMED", "a space", id);
      }
      if (this.#is("refuses-over-100") && Number.parseFloat(cpu) > 100) {
        return this.#refuse(socket, "MALFORMED", "over 100%", id);
      }
    }
    if (type === "error" && (this.#is("error-to-error") || this.#is("refuses-errors"))) {
      return this.#refuse(socket, "FORBIDDEN", "an error", id);
    }
    if (type !== "response") return;
    if (!this.#sent.has(id) || this.#is("forgets-requests")) {
      if (this.#is("silent-on-unknown-request")) return;
      return this.#refuse(socket, "UNKNOWN_REQUEST", "no such request", id);
    }
    if (this.#sent.get(id) === "answered" && this.#is("closes-on-second-answer")) {
      return socket.close(4000);
    }
    this.#sent.set(id, "answered");
    this.#unanswered = undefined;
  }
}

interface Received {
  type: string;
  request_id?: string;
  payload: { cpu_usage?: string; memory_usage?: string };
}
