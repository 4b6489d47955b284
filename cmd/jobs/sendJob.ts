/** Sends a job, or signs it into a file, or shows its target, for `send` and `exec`. */
import type { ArgsDef } from "citty";
import { Client } from "../../lib/client/client.ts";
import type { JobRequestInput } from "../../lib/protocol/api/jobs.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import { exitOk } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { findControlPlane } from "../flags/controlPlane.ts";
import { printTarget } from "../flags/target.ts";
import { print, remark } from "../output/stdio.ts";
import { followArgs } from "./followJob.ts";
import { type SubmitFlags, submitAndFollow, toTargetQuery, waitArg } from "./submitAndFollow.ts";

/** The flags that say what happens with the job and its outcomes. */
export const sendFlags = {
  "dry-run": { type: "boolean", description: "print the selected agents without sending" },
  sign: {
    type: "string",
    valueHint: "KEY",
    description: "sign with a key: its name, its path, or ssh-agent:COMMENT (repeatable)",
  },
  "passphrase-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the passphrase of the keys, or - for standard input",
  },
  save: {
    type: "string",
    valueHint: "FILE",
    description: "write the signed job to this file instead of sending it",
  },
  ...followArgs,
  wait: waitArg,
} as const satisfies ArgsDef;

export interface SendOptions extends SubmitFlags {
  "dry-run"?: boolean | undefined;
  sign: string[];
  "passphrase-file"?: string | undefined;
  save?: string | undefined;
}

/**
 * Sends a job and prints each outcome when it arrives. The outcomes determine the exit status.
 * @throws {WsctlError} USAGE, or the reason why the control plane refuses the job.
 */
export async function sendJob(plain: JobRequestInput, options: SendOptions): Promise<number> {
  if (options.save !== undefined && options.sign.length === 0) {
    throw usage("Flag --save needs --sign KEY");
  }
  const controlPlane = await findControlPlane(options);
  if (options["dry-run"]) {
    printTarget(
      await new Client(controlPlane).targets(toTargetQuery(plain)),
      options.json ?? false,
    );
    return exitOk;
  }
  const jobRequest = options.sign.length > 0 ? await signJob(plain, controlPlane, options) : plain;
  if (options.save === undefined) return submitAndFollow(jobRequest, controlPlane, options);
  const { writeSigned } = await import("../signing/signedFile.ts");
  writeSigned(options.save, jobRequest);
  print(options.save);
  remark(
    `Add a signature with "wsctl keys sign ${options.save} --key KEY"; send it with "wsctl jobs create"`,
  );
  return exitOk;
}

async function signJob(
  jobRequest: JobRequestInput,
  controlPlane: ControlPlane,
  options: SendOptions,
) {
  const { loadSigners } = await import("../signing/keyFiles.ts");
  const { signJobRequest } = await import("../signing/signJob.ts");
  const signers = await loadSigners(options.sign, options["passphrase-file"]);
  return signJobRequest(jobRequest, signers, new Client(controlPlane));
}
