import { defineCommand } from "citty";
import { parsePublicKey } from "../lib/protocol/keys.ts";
import { commonArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { table } from "./output/table.ts";
import { knownKeys, loadSigners, newKey, readPassphrase } from "./signing/keyFiles.ts";
import { signFile } from "./signing/signedFile.ts";
import { sshKeys } from "./signing/sshAgent.ts";

const json = { type: "boolean", description: "print JSON, one object per line" } as const;
const passphrase = {
  type: "string",
  valueHint: "FILE",
  description: "file with the passphrase of the key, or - for standard input",
} as const;
const name = {
  type: "positional",
  required: true,
  valueHint: "NAME",
  description: "name of the key on this host",
} as const;

const generate = defineCommand({
  meta: {
    name: "generate",
    description: "Generate a key that signs commands and print its public key",
    examples: ["wsctl keys generate alice"],
  },
  args: { name, ...commonArgs, "passphrase-file": passphrase, json },
  run: ({ args }) => generateRun(args),
});

const list = defineCommand({
  meta: {
    name: "list",
    description: "List the keys on this host and in the ssh-agent",
    examples: ["wsctl keys list"],
  },
  args: { ...commonArgs, json },
  run: ({ args }) => listRun(args),
});

const show = defineCommand({
  meta: {
    name: "show",
    description: "Print a public key, for wsctl agent --trust",
    examples: ["wsctl keys show alice"],
  },
  args: { name, ...commonArgs, json },
  run: ({ args }) => showRun(args),
});

const sign = defineCommand({
  meta: {
    name: "sign",
    description: "Add signatures to a file of wsctl send --save or wsctl schedules create --save",
    examples: ["wsctl keys sign update.json --key bob"],
  },
  args: {
    file: {
      type: "positional",
      required: true,
      valueHint: "FILE",
      description: "file with the signed job or schedule",
    },
    ...commonArgs,
    key: { type: "string", valueHint: "KEY", description: "key to sign with (repeatable)" },
    "passphrase-file": passphrase,
  },
  run: ({ args, data }) => signRun({ ...args, keys: (data as CommandData).lists.key ?? [] }),
});

export default defineCommand({
  meta: { name: "keys", description: "Generate, list and use keys that sign commands" },
  default: "list",
  subCommands: { generate, list, show, sign },
});

interface KeysOptions {
  json?: boolean | undefined;
  "passphrase-file"?: string | undefined;
}

async function generateRun(options: KeysOptions & { name: string }): Promise<number> {
  const { path, text } = newKey(options.name, readPassphrase(options["passphrase-file"]));
  if (options.json) printJson({ name: options.name, file: path, public_key: text });
  else print(text);
  remark(`The private key is in ${path}. Use it with: wsctl send COMMAND --sign ${options.name}`);
  return exitOk;
}

async function listRun(options: KeysOptions): Promise<number> {
  const fromAgent = process.env.SSH_AUTH_SOCK ? await sshKeys() : [];
  const keys = [
    ...knownKeys(),
    ...fromAgent.map(({ comment, publicKey }) => {
      return { name: `ssh-agent:${comment}`, text: publicKey.text };
    }),
  ];
  if (options.json) for (const { name: called, text } of keys) printJson(buildRow(called, text));
  else if (keys.length === 0) remark("No keys. Generate one with: wsctl keys generate NAME");
  else {
    const rows = keys.map(({ name: called, text }) => [called, parsePublicKey(text).id, text]);
    print(table(["NAME", "ID", "PUBLIC KEY"], rows));
  }
  return exitOk;
}

async function showRun(options: KeysOptions & { name: string }): Promise<number> {
  const found = knownKeys().find((key) => key.name === options.name);
  if (found === undefined) {
    throw usage(`Unknown key "${options.name}": list the keys with "wsctl keys list"`);
  }
  if (options.json) printJson(buildRow(found.name, found.text));
  else print(found.text);
  return exitOk;
}

async function signRun(options: KeysOptions & { file: string; keys: string[] }): Promise<number> {
  if (options.keys.length === 0) throw usage("Missing required flag --key KEY");
  const signers = await loadSigners(options.keys, options["passphrase-file"]);
  print(await signFile(options.file, signers));
  return exitOk;
}

function buildRow(called: string, text: string) {
  return { name: called, id: parsePublicKey(text).id, public_key: text };
}
