/**
 * The embedded store's routes: `PUT`, `GET` and `HEAD` of `/artifacts/ID`. The signed URL is the
 * only credential, so that any HTTP client can use them. Bodies are streamed with back-pressure in
 * both directions.
 */
import type { Context, Hono } from "hono";
import { uploadOffsetHeader } from "../../protocol/api/artifacts.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { isCredentialValid, type UrlCredentials } from "../auth/credentialFingerprint.ts";
import { type HostAuthentication, isHostTokenId } from "../auth/hostUser.ts";
import { isSessionId } from "../auth/logins/loginSessions.ts";
import type { ResponseStreams } from "../engine/responseStreams.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import type { ArtifactService } from "./artifactService.ts";
import { notUploadedError } from "./errors.ts";
import type { LocalStore } from "./localStore.ts";
import { attachment, parseContentRange, parseRange } from "./rangeHeaders.ts";
import type { SignedMethod } from "./signedUrls.ts";

export interface TransferOptions {
  artifacts: ArtifactService;
  store: LocalStore;
  credentials: UrlCredentials;
  /** Identifies people of the program that this control plane is a part of. */
  authenticate: HostAuthentication | undefined;
  /** The streams and transfers of each token. */
  streams: ResponseStreams;
  runtime: Runtime;
  /** Milliseconds since 1970. */
  now(): number;
}

const path = "/artifacts/:artifact_id";

export function addTransferRoutes(app: Hono, options: TransferOptions): void {
  app.put(path, async (c) => receive(c, await withHostUser(c, options)));
  // Hono answers HEAD with the handler of GET and drops the body.
  app.get(path, async (c) => {
    const own = await withHostUser(c, options);
    const isUpload = c.req.method === "HEAD" && permitted(c, own, "PUT") !== undefined;
    return isUpload ? sendOffset(c, own) : deliver(c, own);
  });
}

/** A URL of a person of the surrounding program is for requests of this person. */
async function withHostUser(c: Context, options: TransferOptions): Promise<TransferOptions> {
  if (options.authenticate === undefined || !isHostTokenId(c.req.query("by") ?? "")) return options;
  const hostUser = await options.authenticate(c.req.raw);
  return { ...options, credentials: { ...options.credentials, hostUser } };
}

function sendOffset(c: Context, options: TransferOptions): Response {
  const artifact = requireSignature(c, options, "PUT");
  const offset =
    artifact.state === "ready" ? artifact.bytes : options.store.uploads.offset(artifact.artifactId);
  return c.body(null, 200, { [uploadOffsetHeader]: String(offset) });
}

async function receive(c: Context, options: TransferOptions): Promise<Response> {
  const artifact = requireSignature(c, options, "PUT");
  const { artifactId, bytes } = artifact;
  if (artifact.state === "ready") return findUpload(c, artifact.bytes);
  const range = parseContentRange(c.req.header("content-range"), bytes);
  const place = range ?? { end: bytes };
  const length = c.req.header("content-length");
  const wanted = place.end - (range?.start ?? 0);
  if (length !== undefined && Number(length) !== wanted) {
    const code = Number(length) > wanted ? "TOO_LARGE" : "MALFORMED";
    throw new WsctlError(code, `Content-Length is ${length}; expected ${wanted}`);
  }
  const { taken, offset } = await requireTokenInForce(c, options, (signal) =>
    options.store.uploads.receive(artifact, place, c.req.raw.body, signal),
  );
  if (!taken) {
    const text = `Content-Range must start at ${offset}, the number of bytes of ${artifactId} received so far`;
    const body = { error: { code: "CONFLICT", message: text } };
    return c.json(body, 409, { [uploadOffsetHeader]: String(offset), Connection: "close" });
  }
  if (offset < place.end) throw notUploadedError(offset, bytes);
  return findUpload(c, offset);
}

function findUpload(c: Context, offset: number): Response {
  return c.body(null, 200, { [uploadOffsetHeader]: String(offset) });
}

async function deliver(c: Context, options: TransferOptions): Promise<Response> {
  const artifact = requireSignature(c, options, "GET");
  const { bytes, sha256, name, object } = artifact;
  if (artifact.state !== "ready" || !(await options.store.isAvailable(artifact))) {
    throw new WsctlError("NOT_FOUND", "Artifact has no content");
  }
  const headers: Record<string, string> = {
    "Accept-Ranges": "bytes",
    ETag: `"${sha256}"`,
    "Content-Type": "application/octet-stream",
    "Content-Disposition": attachment(name),
    "X-Content-Type-Options": "nosniff",
  };
  const range = parseRange(c.req.header("range"), c.req.header("if-range"), headers.ETag, bytes);
  if (range === "unsatisfiable") {
    const message = `Range is outside of the ${bytes} bytes`;
    const body = { error: { code: "MALFORMED", message } };
    return c.json(body, 416, { "Content-Range": `bytes */${bytes}` });
  }
  const { start, end } = range ?? { start: 0, end: bytes };
  if (range !== undefined) headers["Content-Range"] = `bytes ${start}-${end - 1}/${bytes}`;
  headers["Content-Length"] = String(end - start);
  const isEmpty = c.req.method === "HEAD" || start === end;
  const status = range === undefined ? 200 : 206;
  if (isEmpty) return new Response(null, { status, headers });
  const ended = new AbortController();
  const release = waitForEnd(c, options, () => ended.abort());
  const path = options.store.path(object);
  const { signal } = ended;
  const part = { context: c, path, start, end, signal, done: release };
  const body = options.runtime.fileBody(part);
  return new Response(body, { status, headers });
}

/**
 * Runs a transfer that ends when the token behind its URL does.
 *
 * @throws {WsctlError} FORBIDDEN if the token has ended
 */
async function requireTokenInForce<T>(
  c: Context,
  options: TransferOptions,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const release = waitForEnd(c, options, () => ended.abort());
  try {
    const result = await run(ended.signal);
    if (ended.signal.aborted) throw wrongUrl(c);
    return result;
  } finally {
    release();
  }
}

/** How long a transfer may outlast the session that its URL was issued to. */
const checkMs = 1_000;

/**
 * Calls `end` when the token or the session ends that the URL was issued to. Returns a function that
 * cancels the callback.
 */
function waitForEnd(
  c: Context,
  { streams, credentials, now }: TransferOptions,
  end: () => void,
): () => void {
  const by = c.req.query("by") ?? "";
  const forget = streams.waitForEnd(by.split(".")[0] ?? "", end);
  if (!isSessionId(by)) return forget;
  // A session that expires tells nothing.
  const check = setInterval(() => {
    if (!isCredentialValid(credentials, by, now())) end();
  }, checkMs);
  return () => {
    clearInterval(check);
    forget();
  };
}

/**
 * Returns the artifact if the signature of the URL is valid. Every invalid URL gets the same
 * response.
 */
function requireSignature(
  c: Context,
  options: TransferOptions,
  method: SignedMethod,
): StoredArtifact {
  const artifact = permitted(c, options, method);
  if (artifact !== undefined) return artifact;
  throw wrongUrl(c);
}

function wrongUrl(c: Context): WsctlError {
  // The rest of the body is not read, so the connection cannot be reused.
  c.header("Connection", "close");
  const text = "URL is invalid or has expired. Request the artifact again to get a new one";
  return new WsctlError("FORBIDDEN", text);
}

function permitted(
  c: Context,
  { artifacts, store, credentials, now }: TransferOptions,
  method: SignedMethod,
): StoredArtifact | undefined {
  const { expires = "", by = "", signature = "" } = c.req.query();
  const id = c.req.param("artifact_id") ?? "";
  const artifact = artifacts.records.get(id) ?? { ...nothing, artifactId: id };
  // Checked also if the artifact does not exist, so that both cases take the same time.
  const isSigned = store.urls.permits(method, artifact, { expires, by, signature });
  if (!isSigned || !isCredentialValid(credentials, by, now())) return undefined;
  return artifacts.find(id);
}

const nothing: StoredArtifact = {
  artifactId: "",
  name: "",
  bytes: 0,
  sha256: "",
  kind: "release",
  state: "uploading",
  object: "",
  isVerified: false,
  createdBy: "",
  createdAt: 0,
};
