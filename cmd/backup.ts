import { accessSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { defineCommand } from "citty";
import { verifyBackup } from "../lib/control/backup/restoreBackup.ts";
import {
  assertFile,
  assertNew,
  openBackup,
  type Protection,
  writeBackup,
} from "./backup/backupFile.ts";
import { withTemporaryDir } from "./backup/temporaryDir.ts";
import { type ClientFlags, clientArgs, commonArgs } from "./cli/commonFlags.ts";
import { exitOk } from "./cli/exit.ts";
import { type CommandData, usage } from "./cli/strictArgs.ts";
import { createClient } from "./flags/controlPlane.ts";
import { print, printJson, remark } from "./output/stdio.ts";

const file = {
  type: "positional",
  required: true,
  valueHint: "FILE",
  description: "file of the backup",
} as const;
const json = { type: "boolean", description: "print JSON, one object per line" } as const;

export const openArgs = {
  "passphrase-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the passphrase of the backup, or - for standard input",
  },
  "identity-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the age identity (AGE-SECRET-KEY-1…) that the backup is encrypted for",
  },
} as const;

const create = defineCommand({
  meta: {
    name: "create",
    description: "Write a backup of a control plane that serves, and verify it",
    examples: [
      "wsctl backup create monday.wsctl",
      "wsctl backup create monday.wsctl --with-secrets --passphrase-file passphrase",
    ],
  },
  args: {
    file,
    ...clientArgs,
    "with-secrets": {
      type: "boolean",
      description: "include the key of the certificate authority; needs encryption",
    },
    "passphrase-file": {
      type: "string",
      valueHint: "FILE",
      description: "encrypt with the passphrase in this file, or - for standard input",
    },
    recipient: {
      type: "string",
      valueHint: "AGE1…",
      description: "encrypt for this age recipient (repeatable)",
    },
  },
  run: ({ args, data }) =>
    createRun({ ...args, recipients: (data as CommandData).lists.recipient ?? [] }),
});

const verify = defineCommand({
  meta: {
    name: "verify",
    description: "Verify a backup: its files, and the checksums and the chain of its log",
    examples: ["wsctl backup verify monday.wsctl"],
  },
  args: { file, ...commonArgs, ...openArgs, json },
  run: ({ args }) => verifyRun(args),
});

export default defineCommand({
  meta: { name: "backup", description: "Back up a control plane, and verify a backup" },
  subCommands: { create, verify },
});

interface CreateOptions extends ClientFlags, Protection {
  file: string;
  json?: boolean | undefined;
  "with-secrets"?: boolean | undefined;
}

async function createRun(options: CreateOptions): Promise<number> {
  const path = resolve(options.file);
  const withSecrets = options["with-secrets"] === true;
  const isEncrypted = options["passphrase-file"] !== undefined || options.recipients.length > 0;
  if (withSecrets && !isEncrypted) {
    throw usage("Flag --with-secrets needs encryption: specify --passphrase-file or --recipient");
  }
  assertNew(path);
  const client = await createClient(options);
  const manifest = await writeBackup(path, options, () => client.backup(withSecrets));
  const { last_sequence, digest, created_at } = manifest;
  if (options.json) printJson({ file: path, ...manifest });
  else print(`${path}  ${last_sequence}:${digest}  ${created_at}`);
  if (!withSecrets) {
    remark(`It is ${describeSecrets(false)}: after a restore, agents that use it join again.`);
  }
  if (!isEncrypted) remark("It contains the parameters of jobs in plain text: keep it safe.");
  return exitOk;
}

interface VerifyOptions {
  file: string;
  json?: boolean | undefined;
  "passphrase-file"?: string | undefined;
  "identity-file"?: string | undefined;
}

async function verifyRun(options: VerifyOptions): Promise<number> {
  const path = resolve(options.file);
  assertFile(path);
  const manifest = await withTemporaryDir(verifyIn(path), ".wsctl-verify-", async (dir) =>
    verifyBackup(await openBackup(path, options), dir),
  );
  const { last_sequence, digest, created_at, has_secrets } = manifest;
  if (options.json) printJson({ intact: true, ...manifest });
  else print(`whole  ${last_sequence}:${digest}  ${created_at}  ${describeSecrets(has_secrets)}`);
  return exitOk;
}

/** The disk of the backup has room for its files, but may be read-only. */
function verifyIn(path: string): string {
  try {
    accessSync(dirname(path), constants.W_OK);
    return dirname(path);
  } catch {
    return tmpdir();
  }
}

function describeSecrets(hasSecrets: boolean): string {
  return `${hasSecrets ? "with" : "without"} the key of the certificate authority`;
}
