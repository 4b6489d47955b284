import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { generateKey, parsePublicKey, readPrivateKey } from "../../../lib/protocol/keys.ts";

const message = new TextEncoder().encode("message");

describe("a key", () => {
  test("signs what its public half, read from its text, knows again", () => {
    const { pem, publicKey } = generateKey();
    expect(pem).toStartWith("-----BEGIN PRIVATE KEY-----\n");
    expect(publicKey.text).toMatch(/^wsctl-ed25519:[A-Za-z0-9_-]{43}$/);
    expect(publicKey.id).toMatch(/^[0-9a-f]{16}$/);
    const read = parsePublicKey(publicKey.text);
    expect([read.text, read.id]).toEqual([publicKey.text, publicKey.id]);
    const signature = readPrivateKey(pem).sign(message);
    expect(read.verifies(message, signature)).toBe(true);
    expect(generateKey().publicKey.verifies(message, signature)).toBe(false);
    expect(read.verifies(new Uint8Array(3), signature)).toBe(false);
    for (const length of [0, 63, 65]) {
      expect(read.verifies(message, new Uint8Array(length))).toBe(false);
    }
  });

  test("may be locked with a passphrase", () => {
    const { pem, publicKey } = generateKey("correct horse");
    expect(pem).toStartWith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    expect(readPrivateKey(pem, "correct horse").publicKey.text).toBe(publicKey.text);
    expect(() => readPrivateKey(pem)).toThrow("Private key is encrypted");
    expect(() => readPrivateKey(pem, "wrong")).toThrow("Wrong passphrase");
  });

  test("of another kind, or none, is refused", () => {
    const { privateKey } = generateKeyPairSync("x25519");
    const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(() => readPrivateKey(other)).toThrow("must be of the type ed25519, but is x25519");
    for (const pem of ["", "nonsense", other.slice(0, 60)]) {
      expect(() => readPrivateKey(pem)).toThrow(/No private key in PEM|must be of the type/);
    }
  });

  test.each([
    "",
    "wsctl-ed25519:",
    `wsctl-ed25519:${"A".repeat(42)}`,
    `wsctl-ed25519:${"A".repeat(44)}`,
    // The same 32 bytes, written otherwise: a text must stand for one key, and a key have one text.
    `wsctl-ed25519:${"A".repeat(42)}B`,
    `wsctl-ed25519:${"A".repeat(43)}=`,
    `WSCTL-ED25519:${"A".repeat(43)}`,
    `wsctl-ed25519: ${"A".repeat(42)}`,
    `ed25519:${"A".repeat(43)}`,
  ])("%p is no public key", (text) => {
    expect(() => parsePublicKey(text)).toThrow(/Public key must be/);
  });
});
