/**
 * Opens the WebSocket of agents as a check: authentication, upgrade, `hello` and `welcome`. The
 * control plane treats it as no connection of the agent, whose own one continues.
 */
import { plainReason } from "../network/connectionError.ts";
import type { Trust } from "../network/trust.ts";
import { connectTimeoutMs, messageBytesMax } from "../protocol/limits.ts";
import { decodeFromControl, encode } from "../protocol/wire/codec.ts";
import { probeSubprotocol, protocolVersion, version } from "../protocol/wire/version.ts";
import type { ClientSocket, RefusedUpgrade, Runtime } from "../runtime/runtime.ts";

export interface ProbeOptions {
  /** The WebSocket endpoint of agents. */
  agentUrl: string;
  trust: Trust;
  /** Returns the Authorization header. */
  authorization(): Promise<string>;
  runtime: Pick<Runtime, "connect">;
}

export interface ProbeResult {
  /** Whether the upgrade was accepted. */
  isOpen: boolean;
  /** The agent that `welcome` names; undefined if none arrived. */
  agentId?: string;
  /** Why the connection ended. */
  reason: string;
  refusal?: RefusedUpgrade;
}

/** Resolves when the connection has ended. */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  let authorization: string;
  try {
    authorization = await options.authorization();
  } catch (error) {
    return { isOpen: false, reason: plainReason(error) };
  }
  return new Promise((resolve) => {
    const result: ProbeResult = { isOpen: false, reason: "" };
    let socket: ClientSocket | undefined;
    const end = (reason: string, refusal?: RefusedUpgrade) => {
      clearTimeout(timer);
      resolve({ ...result, reason, ...(refusal === undefined ? {} : { refusal }) });
    };
    const timer = setTimeout(() => {
      socket?.terminate();
      end(`no answer within ${connectTimeoutMs / 1000} s`);
    }, connectTimeoutMs);
    const { agentUrl: url, trust, runtime } = options;
    const headers = { Authorization: authorization };
    const target = { url, headers, protocols: [probeSubprotocol], messageBytesMax, trust };
    socket = runtime.connect(target, {
      open(protocol) {
        result.isOpen = true;
        // Another implementation would take a message for the agent's own.
        if (protocol === probeSubprotocol) return socket?.send(hello());
        socket?.terminate();
        end("the control plane speaks the standard alone, which has no check");
      },
      message(text = "") {
        const { message } = decodeFromControl(text, { isExtended: true });
        if (message?.type === "welcome") result.agentId = message.payload.agent_id;
      },
      pong() {},
      close: (code, reason, refusal) =>
        end(reason === "" ? `closed with code ${code}` : reason, refusal),
    });
  });
}

function hello(): string {
  const own = { protocol_version: protocolVersion, version };
  const ids = { journal_id: "check", epoch: 0, instance_id: "check" };
  return encode({ type: "hello", payload: { ...own, ...ids } }, Date.now());
}
