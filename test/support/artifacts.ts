/** What tests of artifacts share: content, orders, and how the API is asked by hand. */
import { createHash, randomBytes } from "node:crypto";
import type { ArtifactDetail, NewArtifact } from "../../lib/protocol/api/artifacts.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import { adminToken } from "./cli.ts";
import type { Serving } from "./processes.ts";
import type { ApiAnswer, Target } from "./target.ts";

export interface Content {
  body: Uint8Array<ArrayBuffer>;
  bytes: number;
  sha256: string;
}

export function randomContent(bytes: number): Content {
  const body = new Uint8Array(randomBytes(bytes));
  return { body, bytes, sha256: sha256Of(body) };
}

export function sha256Of(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** An agent with a request that stays open. */
export interface Holder {
  agentId: string;
  tokenId: string;
  authorization: string;
  requestId: string;
}

export async function holder(target: Target): Promise<Holder> {
  const { agent_id: agentId, token, token_id: tokenId } = await target.newAgent();
  const { requestIds } = await target.send("work", [agentId]);
  return { agentId, tokenId, authorization: `Bearer ${token}`, requestId: requestIds[0] ?? "" };
}

export function order(target: Target, by: Holder, body: object): Promise<ApiAnswer> {
  return target.api("/api/v1/artifacts", {
    method: "POST",
    authorization: by.authorization,
    body: JSON.stringify({ request_id: by.requestId, ...body }),
  });
}

export interface Ordered {
  id: string;
  /** Absolute. */
  url: string;
}

/** An order that is taken, and not known already. */
export async function ordered(target: Target, by: Holder, content: Content, name = "result.bin") {
  const { bytes, sha256 } = content;
  const { status, body } = await order(target, by, { name, bytes, sha256 });
  if (status !== 201) throw new Error(JSON.stringify(body));
  const { artifact_id: id, upload } = body as unknown as NewArtifact;
  if (upload === undefined) throw new Error("the content is known already");
  return { id, url: new URL(upload.url, target.serving.url).href } satisfies Ordered;
}

export function complete(target: Target, by: Holder, id: string): Promise<ApiAnswer> {
  const { authorization } = by;
  return target.api(`/api/v1/artifacts/${id}/complete`, { method: "POST", authorization });
}

/** Uploaded and completed. */
export async function stored(target: Target, by: Holder, content: Content, name?: string) {
  const { id, url } = await ordered(target, by, content, name);
  await fetch(url, { method: "PUT", body: content.body });
  const { status, body } = await complete(target, by, id);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return id;
}

/** The URL to download it by, absolute. */
export async function downloadUrl(target: Target, id: string): Promise<string> {
  const { body } = await target.api(`/api/v1/artifacts/${id}`);
  const { download } = body as unknown as ArtifactDetail;
  return new URL(download?.url ?? "missing:", target.serving.url).href;
}

/** The control plane as its administrator reaches it. */
export function adminAccess({ url, dataDir }: Pick<Serving, "url" | "dataDir">): ControlPlane {
  return { url, token: adminToken(dataDir), fetch };
}
