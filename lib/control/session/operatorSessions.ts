/**
 * `GET /api/v1/session`: one WebSocket of an operator for many jobs. The upgrade is authorized as
 * every request of the API is; what is sent later is authorized again, message by message.
 */
import type { WSEvents } from "hono/ws";
import { WsctlError } from "../../protocol/errors.ts";
import { sendQueueBytesMax } from "../../protocol/limits.ts";
import { sessionsPerTokenMax } from "../../protocol/sessionLimits.ts";
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import { clientSubprotocol } from "../../protocol/wire/version.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import type { RouteContext, SessionOpener } from "../api/route.ts";
import type { RefusalLog } from "../audit/auditRequest.ts";
import { OperatorSession } from "./operatorSession.ts";

export interface OperatorSessionsOptions {
  refusals: RefusalLog;
  runtime: Runtime;
  clock: Clock;
}

export class OperatorSessions implements SessionOpener {
  readonly #options: OperatorSessionsOptions;
  /** The number of open sessions of each token. */
  readonly #counts = new Map<string, number>();

  constructor(options: OperatorSessionsOptions) {
    this.#options = options;
  }

  /**
   * Answers the handshake.
   *
   * @throws {WsctlError} MALFORMED if it is none, FORBIDDEN, or BUSY if the token has too many
   *   sessions
   */
  async open(context: RouteContext): Promise<Response> {
    const { c, authority, token } = context;
    if (authority.isForOneRequest) {
      const text = "the program around this control plane vouches for single requests only";
      throw new WsctlError("FORBIDDEN", `Cannot open a session: ${text}. Call POST /api/v1/jobs`);
    }
    this.#assertRoom(token.tokenId);
    const [offered] = (c.req.header("sec-websocket-protocol") ?? "").split(",");
    if (offered?.trim() !== clientSubprotocol) {
      throw notAHandshake(`Sec-WebSocket-Protocol: ${clientSubprotocol}`);
    }
    const upgrade = this.#options.runtime.upgradeWebSocket(() => this.#events(context));
    const response = await upgrade(c, async () => {});
    if (response instanceof Response) return response;
    throw notAHandshake("Upgrade: websocket, Sec-WebSocket-Key and Sec-WebSocket-Version: 13");
  }

  #events({ c: _request, ...context }: RouteContext): WSEvents {
    const { runtime } = this.#options;
    const { tokenId } = context.token;
    let session: OperatorSession | undefined;
    return {
      onOpen: (_event, ws) => {
        const socket = runtime.serverSocket(ws, sendQueueBytesMax);
        // Others may have opened sessions, or the token may have ended, since the handshake.
        const { code, meaning } = closeCodes.tryLater;
        if (this.#isFull(tokenId)) return socket.close(code, meaning);
        this.#counts.set(tokenId, (this.#counts.get(tokenId) ?? 0) + 1);
        const { address, log } = context;
        log.debug("operator session opened", { token: tokenId, address });
        session = new OperatorSession({ ...this.#options, ...context, socket });
      },
      onMessage: ({ data }) => session?.received(typeof data === "string" ? data : undefined),
      onClose: ({ code }) => {
        if (session === undefined) return;
        context.log.debug("operator session closed", { token: tokenId, code });
        session.ended();
        session = undefined;
        const left = (this.#counts.get(tokenId) ?? 1) - 1;
        if (left > 0) this.#counts.set(tokenId, left);
        else this.#counts.delete(tokenId);
      },
    };
  }

  #isFull(tokenId: string): boolean {
    return (this.#counts.get(tokenId) ?? 0) >= sessionsPerTokenMax;
  }

  #assertRoom(tokenId: string): void {
    if (!this.#isFull(tokenId)) return;
    const text = `Cannot open a session: this token has ${sessionsPerTokenMax} open sessions`;
    throw new WsctlError("BUSY", `${text}. Close one, or send the jobs in an open one`);
  }
}

function notAHandshake(expected: string): WsctlError {
  const text = "Cannot open a session: the request is not a WebSocket handshake of one";
  return new WsctlError("MALFORMED", `${text}. Expected ${expected}`);
}
