/** An agent of the standard that does everything right, or one thing wrong. */
import { decodeFromControl } from "../../../lib/protocol/wire/codec.ts";

export const agentFaults = [
  ...["no-token", "token-in-url", "other-path", "origin"],
  ...["no-heartbeat", "heartbeat-once", "heartbeat-flood", "heartbeat-payload", "no-status"],
  ...["status-once", "cpu-number", "cpu-without-percent", "memory-without-unit"],
  ...["timestamp-local", "timestamp-epoch", "heartbeat-without-payload", "no-reconnect"],
  ...["reconnects-at-once", "gives-up-when-refused", "answers-twice"],
  ...["status-ok", "numeric-message", "silent-on-unknown", "response-to-unknown", "other-code"],
  ...["closes-on-malformed", "silent-on-malformed", "error-to-error", "refuses-unknown-fields"],
  ...[
    "refuses-unicode-id",
    "refuses-old-timestamp",
    "runs-again",
    "binary-heartbeat",
    "says-hello",
  ],
  ...["error-without-code", "cut-parameters", "ignores-case"],
] as const;
export type AgentFault = (typeof agentFaults)[number];

interface Received {
  type: string;
  request_id: string;
  timestamp: string;
  payload: { command: string; parameters?: unknown };
}

const heartbeatMs = 100;
const reconnectMs = 120;

export class StandardAgent implements Disposable {
  readonly #url: string;
  readonly #fault: AgentFault | undefined;
  readonly #offered: string | undefined;
  readonly #answers = new Map<string, string>();
  #socket: WebSocket | undefined;
  #timers: NodeJS.Timeout[] = [];
  #beats = 0;
  #runs = 0;
  #isStopped = false;

  /** @param offered A subprotocol that it offers first; where none is agreed, it tries without. */
  constructor(url: string, fault?: AgentFault, offered?: string) {
    this.#url = url;
    this.#fault = fault;
    this.#offered = offered;
    this.#connect(offered);
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    this.#clear();
    this.#socket?.terminate();
  }

  #is(fault: AgentFault): boolean {
    return this.#fault === fault;
  }

  #connect(offered?: string): void {
    if (this.#isStopped) return;
    let url = this.#url;
    if (this.#is("token-in-url")) url += "?token=secret";
    if (this.#is("other-path")) url += "/v2";
    const headers: Record<string, string> = {};
    if (!this.#is("no-token")) headers.Authorization = "Bearer secret";
    if (this.#is("origin")) headers.Origin = "http://127.0.0.1";
    const protocols = offered === undefined ? {} : { protocols: [offered] };
    const socket = new WebSocket(url, { headers, ...protocols } as never);
    this.#socket = socket;
    let isOpen = false;
    socket.addEventListener("open", () => {
      isOpen = true;
      this.#begin();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.#received(data);
      else socket.close(1003);
    });
    socket.addEventListener("close", () => {
      this.#clear();
      if (this.#is("no-reconnect")) return;
      if (!isOpen && offered !== undefined) return this.#connect();
      if (!isOpen && this.#is("gives-up-when-refused")) return;
      const waitMs = this.#is("reconnects-at-once") ? 0 : reconnectMs;
      setTimeout(() => this.#connect(this.#offered), waitMs);
    });
  }

  #begin(): void {
    if (this.#is("says-hello")) this.#send("hello", { version: "1" });
    if (!this.#is("no-heartbeat")) this.#beat();
    if (!this.#is("no-status")) this.#status();
    const hasBeats = !this.#is("no-heartbeat") && !this.#is("heartbeat-once");
    if (hasBeats) this.#timers.push(setInterval(() => this.#beat(), heartbeatMs));
    // A flood in bursts: a late timer of a busy machine must not make it look slow.
    if (this.#is("heartbeat-flood")) this.#timers.push(setInterval(() => this.#burst(), 20));
    if (this.#is("no-status") || this.#is("status-once")) return;
    this.#timers.push(setInterval(() => this.#status(), 1.5 * heartbeatMs));
  }

  #clear(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #beat(): void {
    this.#beats++;
    if (this.#is("binary-heartbeat") && this.#beats === 2) this.#socket?.send(new Uint8Array([1]));
    const payload = this.#is("heartbeat-payload") ? { load: 1 } : {};
    this.#send("heartbeat", this.#is("heartbeat-without-payload") ? undefined : payload);
  }

  #burst(): void {
    for (let count = 0; count < 30; count++) this.#beat();
  }

  #status(): void {
    const cpu = this.#is("cpu-number") ? 30 : this.#is("cpu-without-percent") ? "30" : "30%";
    const memory = this.#is("memory-without-unit") ? "1.5" : "1.5GB";
    this.#send("status_update", { cpu_usage: cpu, memory_usage: memory });
  }

  #send(type: string, payload: unknown, id?: string): string {
    const now = new Date();
    const local = now.toISOString().replace("Z", "");
    const text = this.#is("timestamp-local") ? local : now.toISOString();
    const timestamp = this.#is("timestamp-epoch") ? now.getTime() : text;
    const message = JSON.stringify({ type, request_id: id, timestamp, payload });
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
    return message;
  }

  #refuse(code: string, message: string, id: string): string {
    const payload = this.#is("error-without-code") ? { message } : { code, message };
    return this.#send("error", payload, id);
  }

  #received(text: string): void {
    const decoded = decodeFromControl(text, { isExtended: false });
    if (decoded.refusal !== undefined) {
      const { code, text: reason, requestId, answer } = decoded.refusal;
      if (this.#is("closes-on-malformed")) return this.#socket?.close(4000);
      if (this.#is("silent-on-malformed")) return;
      if (answer || this.#is("error-to-error")) this.#refuse(code, reason, requestId);
      return;
    }
    const message = decoded.message as unknown as Received;
    if (message.type === "error") {
      if (this.#is("error-to-error")) this.#refuse("MALFORMED", "an error", message.request_id);
      return;
    }
    this.#command(message, JSON.parse(text));
  }

  #command({ request_id: id, timestamp, payload }: Received, raw: Record<string, unknown>): void {
    const isOld = Math.abs(Date.parse(timestamp) - Date.now()) > 1e9;
    const fields = ["type", "request_id", "timestamp", "payload"];
    const hasUnknown =
      Object.keys(raw).some((key) => !fields.includes(key)) ||
      Object.keys(raw.payload as object).some((key) => !["command", "parameters"].includes(key));
    if (this.#is("refuses-unknown-fields") && hasUnknown) {
      return void this.#refuse("MALFORMED", "unknown field", id);
    }
    if (this.#is("refuses-unicode-id") && /[^\x20-\x7e]/.test(id)) {
      return void this.#refuse("MALFORMED", "not ASCII", id);
    }
    if (this.#is("refuses-old-timestamp") && isOld) {
      return void this.#refuse("MALFORMED", "old", id);
    }
    if (this.#is("cut-parameters") && JSON.stringify(raw).length > 30_000) return;
    const known = this.#answers.get(id);
    if (known !== undefined && !this.#is("runs-again")) return this.#socket?.send(known);
    this.#answers.set(id, this.#answer(id, payload.command));
    if (this.#is("answers-twice")) this.#answer(id, payload.command);
  }

  #answer(id: string, command: string): string {
    const name = this.#is("ignores-case") ? command.toLowerCase() : command;
    if (name !== "ping") {
      if (this.#is("silent-on-unknown")) return "";
      if (this.#is("response-to-unknown")) {
        return this.#send("response", { status: "failed", message: "unknown" }, id);
      }
      const code = this.#is("other-code") ? "WHAT" : "INVALID_COMMAND";
      return this.#refuse(code, `unknown command ${name}`, id);
    }
    const text = this.#is("runs-again") ? `run ${++this.#runs}` : "pong";
    const message = this.#is("numeric-message") ? 1 : text;
    const status = this.#is("status-ok") ? "ok" : "success";
    return this.#send("response", { status, message }, id);
  }
}
