/** The agent replaces its key regularly, so that a leaked key is of use for a limited time only. */
import type { Log } from "../../log/log.ts";
import { plainReason } from "../../network/connectionError.ts";
import { readPrivateKey } from "../../protocol/keys.ts";
import { buildJoinText, formatKeyId } from "../../protocol/wire/keyProof.ts";
import { ask, type ControlPlane } from "../../transfer/apiCall.ts";
import type { AgentIdentity } from "./identity.ts";

/** The delay between a failed renewal and the next attempt. */
const retryIntervalMs = 60 * 60 * 1000;

export interface KeyRenewalOptions {
  identity: AgentIdentity;
  lifetimeMs: number;
  controlPlane: ControlPlane;
  log: Log;
}

export class KeyRenewal {
  readonly #options: KeyRenewalOptions;
  #notBefore = 0;

  constructor(options: KeyRenewalOptions) {
    this.#options = options;
  }

  /** Renews the key if it is old enough. The caller must be connected. */
  renewIfDue(now: number): void {
    const { identity, lifetimeMs, controlPlane, log } = this.#options;
    const waitMs = this.#notBefore - now;
    // A longer wait comes from a clock that was set back.
    const isWaiting = waitMs > 0 && waitMs <= retryIntervalMs;
    if (isWaiting || now - identity.stored.key_created_at < lifetimeMs) return;
    this.#notBefore = now + retryIntervalMs;
    renewKey(identity, controlPlane, now).then(
      () => {
        this.#notBefore = 0;
        log.info("key renewed");
      },
      (error) => log.warn(`key renewal failed: ${plainReason(error)}`),
    );
  }
}

/**
 * Renews the key. The new key is stored before it is sent. If the response is lost, the next
 * connection determines which of the two keys is valid.
 * @throws {WsctlError} The error of the control plane.
 */
async function renewKey(
  identity: AgentIdentity,
  controlPlane: ControlPlane,
  now: number,
): Promise<void> {
  const { pem, publicKey } = identity.prepareNext();
  const { agent_id, key_id } = identity.stored;
  const text = buildJoinText(key_id, agent_id, publicKey.text);
  const signature = Buffer.from(readPrivateKey(pem).sign(text)).toString("base64url");
  const request = { agent_id, public_key: publicKey.text, signature };
  await ask(controlPlane, "POST", "/api/v1/agent-key", request, undefined);
  const fresh = { private_key: pem, key_id: formatKeyId(publicKey), key_created_at: now };
  identity.update(fresh);
  identity.confirmed();
}
