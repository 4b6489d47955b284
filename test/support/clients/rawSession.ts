/** An operator session by hand: what a client in any language would send. */
import { opcodes } from "../../../lib/conformance/frames.ts";
import type { ClientMessageInput, SessionMessage } from "../../../lib/protocol/api/session.ts";
import type { StreamLine } from "../../../lib/protocol/api/views.ts";
import { clientSubprotocol } from "../../../lib/protocol/wire/version.ts";
import { type CloseFrame, RawSocket } from "./rawSocket.ts";

export type MessageOf<T extends SessionMessage["type"]> = SessionMessage & { type: T };

export class RawSession implements AsyncDisposable {
  readonly socket: RawSocket;

  private constructor(socket: RawSocket) {
    this.socket = socket;
  }

  /** The answer to the handshake is in `socket.status`. */
  static async open(
    port: number,
    authorization: string,
    { path = "/api/v1/session", headers = [] as string[] } = {},
  ): Promise<RawSession> {
    const own = [`Sec-WebSocket-Protocol: ${clientSubprotocol}`];
    if (authorization !== "") own.push(`Authorization: ${authorization}`);
    return new RawSession(await RawSocket.open({ port, path, headers: [...own, ...headers] }));
  }

  get closed(): Promise<CloseFrame> {
    return this.socket.closed;
  }

  say(message: ClientMessageInput): void {
    this.socket.text(JSON.stringify(message));
  }

  ping(ref: string, agents: readonly string[], more: object = {}): void {
    const job = { command: "ping", target: { agents: [...agents] } };
    this.say({ type: "submit", ref, job, ...more });
  }

  /** The first message of this type about this reference. */
  next<T extends SessionMessage["type"]>(type: T, ref?: string, from = 0): Promise<MessageOf<T>> {
    return this.socket.message<MessageOf<T>>(
      `${type} ${ref}`,
      (message) => message.type === type && (ref === undefined || message.ref === ref),
      from,
    );
  }

  /** All messages so far. */
  get all(): SessionMessage[] {
    const texts = this.socket.frames.all.filter(({ opcode }) => opcode === opcodes.text);
    return texts.map(({ payload }) => JSON.parse(payload.toString()));
  }

  /** The lines of a job, once its last has arrived. */
  async lines(ref: string): Promise<StreamLine[]> {
    await this.socket.message<MessageOf<"lines">>(
      `the end of ${ref}`,
      (message) => message.type === "lines" && message.ref === ref && message.ended === true,
    );
    return this.linesSoFar(ref);
  }

  linesSoFar(ref: string): StreamLine[] {
    return this.all.flatMap((message) =>
      message.type === "lines" && message.ref === ref ? (message.lines as StreamLine[]) : [],
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.socket[Symbol.asyncDispose]();
  }
}
