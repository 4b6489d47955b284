/**
 * Signs a job: creates an id for each of its requests, and a signature of each key for each
 * request.
 */
import { v7 as newId } from "uuid";
import type { Client } from "../../lib/client/client.ts";
import type { JobRequestInput, SignedJobRequest } from "../../lib/protocol/api/jobs.ts";
import { ttlSecondsDefault } from "../../lib/protocol/limits.ts";
import { timestamp } from "../../lib/protocol/timestamp.ts";
import { signedBytes } from "../../lib/protocol/wire/signedCommand.ts";
import type { Signer } from "./signer.ts";

/**
 * Returns the job request for exactly the agents that its target selects now, signed for each of
 * them.
 */
export async function signJobRequest(
  jobRequest: JobRequestInput,
  signers: readonly Signer[],
  client: Client,
): Promise<JobRequestInput> {
  const { target, ttl_seconds = ttlSecondsDefault, require_online = false } = jobRequest;
  const meant = await client.targets({ target, require_online });
  const agents = meant.agents.map(({ agent_id }) => agent_id);
  const unsigned: SignedJobRequest = {
    not_after: timestamp(Date.now() + ttl_seconds * 1000),
    requests: agents.map((agent) => ({ agent, request_id: newId(), signatures: [] })),
  };
  return addSignatures({ ...jobRequest, target: { agents }, signed: unsigned }, signers);
}

/** Returns the job request with further signatures. */
export async function addSignatures<Request extends JobRequestInput>(
  jobRequest: Request,
  signers: readonly Signer[],
): Promise<Request> {
  const { command, parameters = {}, signed } = jobRequest;
  if (signed === undefined) return jobRequest;
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
  return { ...jobRequest, signed: { not_after, requests } };
}
