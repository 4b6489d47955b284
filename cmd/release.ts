import { defineCommand } from "citty";
import { clientArgs, commonArgs } from "./cli/commonFlags.ts";
import type { CommandData } from "./cli/strictArgs.ts";
import { deleteRun, listRun, publishRun } from "./release/publishRelease.ts";
import { generateKeyRun, showRun, signRun, verifyRun } from "./release/releaseFiles.ts";

const json = { type: "boolean", description: "print JSON" } as const;
const passphrase = {
  type: "string",
  valueHint: "FILE",
  description: "file with the passphrase of the private keys, or - for standard input",
} as const;

const generateKey = defineCommand({
  meta: {
    name: "generate-key",
    description: "Generate a key that signs releases and print its public key",
    examples: ["wsctl release generate-key release.key"],
  },
  args: {
    file: {
      type: "positional",
      required: true,
      valueHint: "FILE",
      description: "file to write the private key to",
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
    description: "Sign a release of files, or add a signature to one",
    examples: [
      "wsctl release sign --key a.key --version 1.2.3 --file linux-x64=dist/wsctl --output 1.2.3.json",
      "wsctl release sign --key b.key --add 1.2.3.json",
    ],
  },
  args: {
    ...commonArgs,
    key: { type: "string", valueHint: "FILE", description: "private key (repeatable)" },
    "passphrase-file": passphrase,
    version: { type: "string", valueHint: "VERSION", description: "version of the release: 1.2.3" },
    file: {
      type: "string",
      valueHint: "PLATFORM=PATH",
      description: "binary of a platform, such as linux-x64=dist/wsctl (repeatable)",
    },
    "expires-in": {
      type: "string",
      valueHint: "TIME",
      description: "how long the release can be installed, such as 90d; default: forever",
    },
    add: { type: "string", valueHint: "FILE", description: "signed release to add signatures to" },
    output: {
      type: "string",
      valueHint: "FILE",
      description: "file to write; default: standard output, or the file of --add",
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
    description: "Verify the signatures and the files of a release",
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
    trust: { type: "string", valueHint: "KEY", description: "public key (repeatable)" },
    threshold: {
      type: "string",
      default: "1",
      valueHint: "N",
      description: "number of trusted keys that must have signed",
    },
    dir: {
      type: "string",
      valueHint: "DIR",
      description: "directory that must contain all files of the release, by name",
    },
    json,
  },
  run: ({ args, data }) => verifyRun({ ...args, trust: (data as CommandData).lists.trust ?? [] }),
});

const show = defineCommand({
  meta: {
    name: "show",
    description: "Print the contents of a signed release without verifying it",
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
    description: "Publish a signed release and its files on the control plane",
    examples: ["wsctl release publish 1.2.3.json --dir dist"],
  },
  args: {
    release: { type: "positional", required: true, description: "the signed release" },
    ...clientArgs,
    dir: {
      type: "string",
      default: ".",
      valueHint: "DIR",
      description: "directory with the files of the release, by name",
    },
    file: {
      type: "string",
      valueHint: "PLATFORM=PATH",
      description: "file of a platform at another path (repeatable)",
    },
  },
  run: ({ args, data }) => publishRun({ ...args, files: (data as CommandData).lists.file ?? [] }),
});

const list = defineCommand({
  meta: {
    name: "list",
    description: "List published releases, newest version first",
    examples: ["wsctl release list"],
  },
  args: clientArgs,
  run: ({ args }) => listRun(args),
});

const remove = defineCommand({
  meta: {
    name: "delete",
    description: "Delete a published release",
    examples: ["wsctl release delete 0.2.0"],
  },
  args: {
    version: { type: "positional", required: true, description: "version of the release" },
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
