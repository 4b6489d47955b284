/**
 * Signs a job: creates an id for each of its requests, and a signature of each key for each
 * request.
 */
import { v7 as newId } from "uuid";
import * as v from "valibot";
import type { Client } from "../../lib/client/client.ts";
import {
  JobRequest,
  type JobRequestInput,
  type SignedJobRequest,
} from "../../lib/protocol/api/jobs.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { ttlSecondsDefault } from "../../lib/protocol/limits.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { timestamp } from "../../lib/protocol/timestamp.ts";
import { signedBytes } from "../../lib/protocol/wire/signedCommand.ts";
import { usage } from "../cli/strictArgs.ts";
import { readFile } from "../flags/connection.ts";
import type { Signer } from "./signer.ts";

/**
 * Returns the job request for exactly the agents that its target selects now, signed for each of
 * them.
 */
export async function signJobRequest(
  order: JobRequestInput,
  signers: readonly Signer[],
  client: Client,
): Promise<JobRequestInput> {
  const { target, ttl_seconds = ttlSecondsDefault, require_online = false } = order;
  const meant = await client.targets({ target, require_online });
  const agents = meant.agents.map(({ agent_id }) => agent_id);
  const unsigned: SignedJobRequest = {
    not_after: timestamp(Date.now() + ttl_seconds * 1000),
    requests: agents.map((agent) => ({ agent, request_id: newId(), signatures: [] })),
  };
  return addSignatures({ ...order, target: { agents }, signed: unsigned }, signers);
}

/** Returns the job request with further signatures. */
export async function addSignatures(
  order: JobRequestInput,
  signers: readonly Signer[],
): Promise<JobRequestInput> {
  const { command, parameters = {}, signed } = order;
  if (signed === undefined) return order;
  const { not_after } = signed;
  const requests: SignedJobRequest["requests"] = [];
  for (const request of signed.requests) {
    const { agent, request_id } = request;
    const bytes = signedBytes({ agent, request_id, command, parameters, not_after });
    const signatures = [...request.signatures];
    for (const { publicKey, sign } of signers) {
      if (signatures.some(({ key }) => key === publicKey.id)) continue;
      const signature = Buffer.from(await sign(bytes)).toString("base64url");
      signatures.push({ key: publicKey.id, signature });
    }
    requests.push({ ...request, signatures });
  }
  return { ...order, signed: { not_after, requests } };
}

/**
 * Reads a signed job from a file.
 * @throws {WsctlError} USAGE if it is invalid.
 */
export function readSignedJob(path: string): v.InferOutput<typeof JobRequest> {
  let value: unknown;
  try {
    value = JSON.parse(readFile("file", path));
  } catch (error) {
    throw usage(`Cannot read the signed job "${path}": ${errorText(error)}`);
  }
  const parsed = v.safeParse(JobRequest, value);
  if (!parsed.success) throw usage(`Signed job "${path}": ${formatIssue(parsed.issues[0])}`);
  if (parsed.output.signed !== undefined) return parsed.output;
  throw usage(
    `Job "${path}" is not signed: create a signed job with "wsctl send COMMAND --sign KEY --save FILE"`,
  );
}
