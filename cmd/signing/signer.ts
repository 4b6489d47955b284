/** Signs with a private key: of a file, or of an ssh-agent. */
import type { PublicKey } from "../../lib/protocol/keys.ts";

/** A private key that signs messages. */
export interface Signer {
  publicKey: PublicKey;
  sign(message: Uint8Array): Promise<Uint8Array>;
}
