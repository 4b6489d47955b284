import { defineCommand } from "citty";
import { clientArgs, commonArgs } from "./cli/commonFlags.ts";
import type { CommandData } from "./cli/strictArgs.ts";
import { deleteRun, listRun, publishRun } from "./release/publishRelease.ts";
import { generateKeyRun, showRun, signRun, verifyRun } from "./release/releaseFiles.ts";

const json = { type: "boolean", description: "print JSON" } as const;
const passphrase = {
  type: "string",
  valueHint: "FILE",
  description: "file with the passphrase of private keys, - for standard input",
} as const;

const generateKey = defineCommand({
  meta: {
    name: "generate-key",
    description: "Make a key that signs releases, and print its public half",
    examples: ["wsctl release generate-key release.key"],
  },
  args: {
    file: {
      type: "positional",
      required: true,
      valueHint: "FILE",
      description: "where the private key is written",
    },
    ...commonArgs,
    "passphrase-file": passphrase,
    json,
  },
  run: ({ args }) => generateKeyRun(args),
});

const sign = defineCommand({
  meta: {
    name: "sign",
    description: "Make a signed release of files, or add a signature to one",
    examples: [
      "wsctl release sign --key a.key --version 1.2.3 --file linux-x64=dist/wsctl --output 1.2.3.json",
      "wsctl release sign --key b.key --add 1.2.3.json",
    ],
  },
  args: {
    ...commonArgs,
    key: { type: "string", valueHint: "FILE", description: "private key; may be repeated" },
    "passphrase-file": passphrase,
    version: { type: "string", valueHint: "VERSION", description: "what is released: 1.2.3" },
    file: {
      type: "string",
      valueHint: "PLATFORM=PATH",
      description: "a binary, such as linux-x64=dist/wsctl; may be repeated",
    },
    "expires-in": {
      type: "string",
      valueHint: "TIME",
      description: "after how long nobody installs it any more, such as 90d; by default never",
    },
    add: { type: "string", valueHint: "FILE", description: "signed release to add signatures to" },
    output: {
      type: "string",
      valueHint: "FILE",
      description: "where it is written; by default standard output, or the file of --add",
    },
    json,
  },
  run: ({ args, data }) => {
    const { key: keys = [], file: files = [] } = (data as CommandData).lists;
    return signRun({ ...args, keys, files });
  },
});

const verify = defineCommand({
  meta: {
    name: "verify",
    description: "Check who signed a release, and that its files are what was signed",
    examples: ["wsctl release verify 1.2.3.json --trust wsctl-ed25519:KEY --dir dist"],
  },
  args: {
    release: {
      type: "positional",
      required: true,
      valueHint: "FILE",
      description: "the signed release",
    },
    ...commonArgs,
    trust: { type: "string", valueHint: "KEY", description: "public key; may be repeated" },
    threshold: {
      type: "string",
      default: "1",
      valueHint: "N",
      description: "how many of the trusted keys must have signed",
    },
    dir: {
      type: "string",
      valueHint: "DIR",
      description: "directory in which all of its files must be, by their names in the release",
    },
    json,
  },
  run: ({ args, data }) => verifyRun({ ...args, trust: (data as CommandData).lists.trust ?? [] }),
});

const show = defineCommand({
  meta: {
    name: "show",
    description: "Print what a signed release says of itself, without trusting it",
    examples: ["wsctl release show 1.2.3.json"],
  },
  args: {
    release: {
      type: "positional",
      required: true,
      valueHint: "FILE",
      description: "the signed release",
    },
    ...commonArgs,
    json,
  },
  run: ({ args }) => showRun(args),
});

const publish = defineCommand({
  meta: {
    name: "publish",
    description: "Give a signed release and its files to the control plane, for agents to fetch",
    examples: ["wsctl release publish 1.2.3.json --dir dist"],
  },
  args: {
    release: { type: "positional", required: true, description: "the signed release" },
    ...clientArgs,
    dir: {
      type: "string",
      default: ".",
      valueHint: "DIR",
      description: "where its files are, by their names in the release",
    },
    file: {
      type: "string",
      valueHint: "PLATFORM=PATH",
      description: "a file that is elsewhere or called otherwise; may be repeated",
    },
  },
  run: ({ args, data }) => publishRun({ ...args, files: (data as CommandData).lists.file ?? [] }),
});

const list = defineCommand({
  meta: { name: "list", description: "List what is published, the newest version first" },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const remove = defineCommand({
  meta: { name: "delete", description: "Publish a release no longer" },
  args: {
    version: { type: "positional", required: true, description: "the release's version" },
    ...clientArgs,
  },
  run: ({ args }) => deleteRun(args),
});

export default defineCommand({
  meta: {
    name: "release",
    description: "Sign, check and publish releases of wsctl itself",
    examples: ["wsctl release generate-key release.key", "wsctl release show 1.2.3.json"],
  },
  subCommands: { "generate-key": generateKey, sign, verify, show, publish, list, delete: remove },
});
