/**
 * An S3-compatible store. The control plane signs URLs (AWS Signature Version 4), also for its own
 * requests, and content does not pass through it. The length and the SHA-256 of an upload are part
 * of its signature. Every store enforces the length, and those that support `x-amz-checksum-sha256`
 * also the digest.
 */
import { AwsV4Signer } from "aws4fetch";
import { validate as isUuid } from "uuid";
import { plainReason } from "../../network/connectionError.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { artifactUrlMs } from "../../protocol/limits.ts";
import type { StoredArtifact } from "../journal/tables/artifactTable.ts";
import { notUploadedError, otherContentError } from "./errors.ts";
import { attachment } from "./rangeHeaders.ts";
import type { S3Credentials } from "./s3Credentials.ts";
import type { ArtifactStore, Completion, SignedUpload, SignedUrl } from "./store.ts";

export interface S3Options {
  /** `https://HOST[:PORT]/BUCKET[/PREFIX]`, with the bucket in the path. */
  url: string;
  region: string;
  /** Read for every request, so that the file can be replaced while the control plane runs. */
  credentials(): S3Credentials;
  fetch: typeof fetch;
}

interface SignOptions {
  method: "PUT" | "GET" | "HEAD" | "DELETE";
  object: string;
  headers?: Record<string, string>;
  /** Signs in the URL, for other clients; otherwise in the headers. */
  isForOthers?: boolean;
  query?: Record<string, string>;
}

const answerMs = 20_000;

export class S3Store implements ArtifactStore {
  readonly #options: S3Options;

  constructor(options: S3Options) {
    this.#options = options;
  }

  /**
   * Objects are not shared during the upload, because the uploader can overwrite them for a while.
   */
  objectName({ artifactId }: Pick<StoredArtifact, "artifactId">): string {
    return artifactId;
  }

  /** Only the store could check that. */
  assertSpace(): void {}

  /** Whether the object belongs to this store: an embedded store may have been used before. */
  async isAvailable({ object }: StoredArtifact): Promise<boolean> {
    return this.has(object);
  }

  has(object: string): boolean {
    return isUuid(object);
  }

  async upload(artifact: StoredArtifact): Promise<SignedUpload> {
    const { object, bytes, sha256 } = artifact;
    const headers = {
      "Content-Length": String(bytes),
      "x-amz-checksum-sha256": Buffer.from(sha256, "hex").toString("base64"),
    };
    const signed = await this.#presign({ method: "PUT", object, headers });
    return { ...signed, headers, resumable: false };
  }

  download({ object, name }: StoredArtifact): Promise<SignedUrl> {
    const query = { "response-content-disposition": attachment(name) };
    return this.#presign({ method: "GET", object, query });
  }

  async complete({ object, bytes, sha256 }: StoredArtifact): Promise<Completion> {
    const headers = { "x-amz-checksum-mode": "ENABLED" };
    const response = await this.#ask({ method: "HEAD", object, headers });
    if (response.status === 404) throw notUploadedError(0, bytes);
    if (!response.ok) throw await s3Error(response);
    const there = Number(response.headers.get("content-length") ?? "-");
    const sum = response.headers.get("x-amz-checksum-sha256");
    const isOther = sum !== null && Buffer.from(sum, "base64").toString("hex") !== sha256;
    if (there === bytes && !isOther) return sum === null ? "present" : "verified";
    await this.remove(object);
    throw otherContentError(
      isOther
        ? "SHA-256 does not match the announced one"
        : `${there} bytes are stored, not ${bytes}`,
    );
  }

  discard({ object }: StoredArtifact): Promise<void> {
    return this.remove(object);
  }

  async remove(object: string): Promise<void> {
    const response = await this.#ask({ method: "DELETE", object });
    if (!response.ok && response.status !== 404) throw await s3Error(response);
  }

  /** There are none: content is deleted before its record and never stored before it. */
  async removeStrays(): Promise<void> {}

  /**
   * Checks that the store can be used with this configuration.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  async probe(): Promise<void> {
    const response = await this.#ask({ method: "HEAD", object: "wsctl-probe" });
    if (!response.ok && response.status !== 404) throw await s3Error(response);
  }

  async #presign(options: SignOptions): Promise<SignedUrl> {
    const expiresAt = Date.now() + artifactUrlMs;
    const { url } = await this.#sign({ ...options, isForOthers: true });
    // A plus means a space in form encoding and a plus elsewhere, so it is not used.
    return { url: url.href.replaceAll("+", "%20"), expiresAt };
  }

  async #ask(options: SignOptions): Promise<Response> {
    const { url, headers } = await this.#sign(options);
    try {
      return await this.#options.fetch(url.href, {
        method: options.method,
        headers,
        redirect: "error",
        signal: AbortSignal.timeout(answerMs),
      });
    } catch (error) {
      const text = `Cannot reach the object storage at ${url.origin}: ${plainReason(error)}`;
      throw new WsctlError("STORAGE_UNAVAILABLE", text, { cause: error });
    }
  }

  #sign({ method, object, headers = {}, isForOthers = false, query = {} }: SignOptions) {
    const url = new URL(`${this.#options.url}/${object}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    if (isForOthers) url.searchParams.set("X-Amz-Expires", String(artifactUrlMs / 1000));
    return new AwsV4Signer({
      method,
      url: url.href,
      headers,
      signQuery: isForOthers,
      // Includes the length, which would otherwise not be enforced.
      allHeaders: true,
      service: "s3",
      region: this.#options.region,
      ...this.#options.credentials(),
    }).sign();
  }
}

/** The response of the store is for the operator, who reads the error or the log. */
async function s3Error(response: Response): Promise<WsctlError> {
  const text = await response.text().catch(() => "");
  const word = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1] ?? "";
  const origin = new URL(response.url).origin;
  return new WsctlError(
    "STORAGE_UNAVAILABLE",
    `Object storage at ${origin} responded ${[response.status, word].join(" ").trim()}. Check --s3-url, --s3-region and the credentials of wsctl serve`,
  );
}
