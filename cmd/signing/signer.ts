/** Whatever signs with a private key: a key in a file, or an ssh-agent. */
import type { PublicKey } from "../../lib/protocol/keys.ts";

/** Something that signs, wherever its key is. */
export interface Signer {
  publicKey: PublicKey;
  sign(message: Uint8Array): Promise<Uint8Array>;
}
