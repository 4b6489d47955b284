/**
 * The installation script for Windows, as far as it can be tested without PowerShell: its grammar,
 * the names in it, and the check of signatures, which is C# and runs under Mono.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Language, Parser } from "web-tree-sitter";
import { root } from "../../support/fixtures/sources.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

const script = readFileSync(join(root, "scripts/install.ps1"), "utf8");
const [, verifier = ""] = /^\$verifier = @'\n(.*?)\n'@$/ms.exec(script) ?? [];
const hasMono = Bun.which("mcs") !== null && existsSync("/usr/lib/mono/4.5/System.Numerics.dll");

describe("install.ps1", () => {
  test("is valid by the grammar of PowerShell", async () => {
    await Parser.init();
    const grammar = "node_modules/tree-sitter-powershell/tree-sitter-powershell.wasm";
    const parser = new Parser().setLanguage(await Language.load(join(root, grammar)));
    expect(parser.parse(script)?.rootNode.hasError).toBe(false);
    expect(parser.parse(script.replace("catch {", "catch ("))?.rootNode.hasError).toBe(true);
  });

  test("reads checksums, signature and binary, and takes what install.sh takes", () => {
    const read = [...script.matchAll(/Get-ReleaseFile (\S+) \$work/g)].map(([, name]) => name);
    expect(read).toEqual(["'SHA256SUMS'", "'SHA256SUMS.sig'", "$name"]);
    const flags = (text: string, pattern: RegExp) =>
      [...text.matchAll(pattern)].map(([, name = ""]) => name.replaceAll("-", "").toLowerCase());
    const shell = readFileSync(join(root, "scripts/install.sh"), "utf8");
    const own = flags(script, /^ {2}\[(?:string|switch)\] \$(\w+)/gm);
    expect(own.filter((name) => name !== "allusers")).toEqual(
      [...new Set(flags(shell, /^ {2}--([a-z-]+) /gm))].filter((name) => name !== "help"),
    );
  });

  test("verifies the signature before the checksum, and runs nothing before both", () => {
    const body = script.slice(script.indexOf("function Install-Release"));
    const order = [
      ...["Test-Signature", "Get-ReleaseFile $name", "Get-FileHash", "& $file --version"],
      ...["Install-Binary $file", "Set-PathEntry $Prefix $true"],
    ].map((text) => body.indexOf(text));
    expect(order).not.toContain(-1);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });
});

describe.skipIf(!hasMono)("the check of signatures in install.ps1", () => {
  const main = `
public static class Program {
    public static void Main() {
        for (string line; (line = Console.ReadLine()) != null; ) {
            string[] words = line.Split(' ');
            byte[] key = Convert.FromBase64String(words[0]);
            byte[] message = Convert.FromBase64String(words[1]);
            byte[] signature = Convert.FromBase64String(words[2]);
            Console.WriteLine(WsctlEd25519.Verify(key, message, signature));
        }
    }
}`;
  let dir: string & Disposable;
  let verify: (cases: readonly Buffer[][]) => string[];
  let pair: ReturnType<typeof signer>;

  beforeAll(() => {
    dir = temporaryDir();
    const [source, program] = [join(`${dir}`, "verifier.cs"), join(`${dir}`, "verifier.exe")];
    writeFileSync(source, verifier + main);
    // The language of Windows PowerShell 5.1.
    const options = ["-langversion:5", "-r:System.Numerics.dll", `-out:${program}`];
    const built = Bun.spawnSync(["mcs", ...options, source]);
    if (!built.success) throw new Error(`${built.stdout}${built.stderr}`);
    verify = (cases) => {
      const lines = cases.map((parts) => parts.map((part) => part.toString("base64")).join(" "));
      const stdin = Buffer.from(`${lines.join("\n")}\n`);
      const { stdout } = Bun.spawnSync(["mono", program], { stdin });
      return `${stdout}`.trim().split("\n");
    };
    pair = signer();
  });
  afterAll(() => dir?.[Symbol.dispose]());

  function signer() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const { x = "" } = publicKey.export({ format: "jwk" });
    const of = (message: Buffer) => sign(null, message, privateKey);
    return { key: Buffer.from(x, "base64url"), sign: of };
  }

  test("accepts signatures of any key and message", () => {
    const cases = Array.from({ length: 24 }, (_, index) => {
      const { key, sign } = signer();
      const message = Buffer.alloc(index * 37, index);
      return [key, message, sign(message)];
    });
    expect(verify(cases)).toEqual(cases.map(() => "True"));
  });

  test("accepts the first vectors of RFC 8032", () => {
    const hex = (text: string) => Buffer.from(text, "hex");
    const vectors = [
      [
        hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
        Buffer.alloc(0),
        hex(
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
      ],
      [
        hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
        hex("72"),
        hex(
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
      ],
    ];
    expect(verify(vectors)).toEqual(["True", "True"]);
  });

  test("refuses a changed message, key or signature, and every bit of the signature counts", () => {
    const message = Buffer.from("sum  wsctl-windows-x64.exe\n");
    const good = pair.sign(message);
    const flipped = Array.from({ length: 512 }, (_, bit) => {
      const bad = Buffer.from(good);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return [pair.key, message, bad];
    });
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const malleable = Buffer.from(good);
    const s = BigInt(`0x${Buffer.from(good.subarray(32)).reverse().toString("hex")}`) + order;
    Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse().copy(malleable, 32);
    const cases = [
      [pair.key, Buffer.concat([message, Buffer.from("#")]), good],
      [signer().key, message, good],
      [pair.key, message, malleable],
      [pair.key, message, good.subarray(0, 63)],
      [pair.key, message, Buffer.alloc(0)],
      [pair.key.subarray(1), message, good],
      [Buffer.alloc(32, 0xff), message, good],
      [pair.key, message, Buffer.alloc(64)],
      ...flipped.filter((_, bit) => bit % 8 === 0 || bit > 500),
    ];
    expect(verify([[pair.key, message, good]])).toEqual(["True"]);
    expect(verify(cases)).toEqual(cases.map(() => "False"));
  });
});
