/**
 * A check of the way that agents take (`wsctl doctor`): `hello` is answered with `welcome`, and the
 * connection ends. Nothing is remembered, and the agent's own connection continues.
 */
import { connectTimeoutMs, heartbeatSecondsDefault } from "../../protocol/limits.ts";
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import { decodeFromAgent, encode } from "../../protocol/wire/codec.ts";
import { protocolVersion } from "../../protocol/wire/version.ts";
import type { ServerSocket } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";

export class Probe {
  readonly #agentId: string;
  readonly #socket: ServerSocket;
  readonly #clock: Clock;
  readonly #cancel: () => void;

  constructor(agentId: string, socket: ServerSocket, clock: Clock) {
    this.#agentId = agentId;
    this.#socket = socket;
    this.#clock = clock;
    this.#cancel = clock.after(connectTimeoutMs, () => socket.terminate());
  }

  received(text: string): void {
    const { message, refusal } = decodeFromAgent(text, { isExtended: true });
    if (message?.type !== "hello") {
      const { code, meaning } = closeCodes.malformed;
      return this.#socket.close(code, refusal?.text ?? meaning);
    }
    const { journal_id, epoch } = message.payload;
    const pacing = { heartbeat_seconds: heartbeatSecondsDefault, reconnect_seconds: 0 };
    const known = { protocol_version: protocolVersion, agent_id: this.#agentId };
    const payload = { ...known, journal_id, epoch, ...pacing };
    this.#socket.send(encode({ type: "welcome", payload }, this.#clock.wall()));
    this.#socket.close(closeCodes.normal.code, closeCodes.normal.meaning);
  }

  ended(): void {
    this.#cancel();
  }
}
