/**
 * The operator's side of the HTTP API, for the command line and for programs. Every failure is a
 * `WsctlError` whose code is the control plane's own, or `UNREACHABLE`.
 */
import { v4 as newKey } from "uuid";
import type {
  AcceptedLine,
  AgentDetail,
  AgentView,
  JobDetail,
  JobOrderInput,
  JobView,
  Page,
  ReleaseOrder,
  ReleaseView,
  StreamLine,
} from "../protocol/api.ts";
import type { ArtifactDetail, ArtifactView } from "../protocol/artifacts.ts";
import type { AuditPage, Verdict } from "../protocol/audit.ts";
import { WsctlError } from "../protocol/errors.ts";
import type { NewToken, TokenOrderInput, TokenView } from "../protocol/tokens.ts";
import { errorOf, jsonBody, queryText, withSignal } from "./http.ts";
import { readLines } from "./lines.ts";
import { mending } from "./mending.ts";
import { isRefused, plainReason, reasonOf } from "./reasons.ts";
import { StreamProgress } from "./streamProgress.ts";

export interface ClientOptions {
  /** `http://…` or `https://…`, without a path. */
  url: string;
  token: string;
  fetch: typeof fetch;
}

export interface Sent {
  accepted: AcceptedLine;
  /**
   * Every outcome once, as it is known; ends with the last. With live output where it is wanted.
   */
  lines: AsyncIterable<StreamLine>;
}

export interface SendOptions {
  signal?: AbortSignal | undefined;
  /** Whether live output is wanted: each request's own before its outcome. */
  withOutput?: boolean;
}

interface Asked {
  order: JobOrderInput;
  path: string;
  accept: string;
  signal: AbortSignal | undefined;
}

/** A plain answer must come within this time. */
const answerMs = 10_000;

/** A stream is kept alive by an empty line every ten seconds: longer silence means it is dead. */
const silenceMs = 35_000;

export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /**
   * Asks for a job and follows it to its last outcome. The job is asked for under a key of its own,
   * so that a lost answer never makes a second one; a broken stream is resumed where it broke.
   */
  async send(order: JobOrderInput, options: SendOptions = {}): Promise<Sent> {
    const { signal, withOutput = false } = options;
    const path = withOutput ? "/api/v1/jobs?output=true" : "/api/v1/jobs";
    const { accepted, lines } = await this.#order(
      { order, path, accept: "application/x-ndjson", signal },
      (response) => this.#firstLine(response),
    );
    return { accepted, lines: this.#follow(accepted.job, options, lines) };
  }

  /** A job that was asked for before, from its first outcome and the output that is still there. */
  watchJob(job: JobView, options: SendOptions = {}): AsyncIterable<StreamLine> {
    return this.#follow(job, options);
  }

  /** Asks for a job and does not wait for it. */
  async sendOnly(order: JobOrderInput): Promise<AcceptedLine> {
    const asked = { order, path: "/api/v1/jobs", accept: "application/json", signal: undefined };
    return this.#order(asked, async (response) => (await response.json()) as AcceptedLine);
  }

  jobs(query: { limit?: number; cursor?: string } = {}): Promise<Page<JobView>> {
    return this.#get(`/api/v1/jobs${queryText(query)}`);
  }

  job(jobId: string): Promise<JobDetail> {
    return this.#get(`/api/v1/jobs/${encodeURIComponent(jobId)}`);
  }

  /** Withdraws what of the job was not sent yet. */
  async cancelJob(jobId: string): Promise<JobDetail> {
    const path = `/api/v1/jobs/${encodeURIComponent(jobId)}/cancel`;
    return (await (await this.#fetch(path, { method: "POST" })).json()) as JobDetail;
  }

  /** Lets a job go out that another operator has asked for. */
  async approveJob(jobId: string): Promise<JobView> {
    const path = `/api/v1/jobs/${encodeURIComponent(jobId)}/approve`;
    return (await (await this.#fetch(path, { method: "POST" })).json()) as JobView;
  }

  async agents(): Promise<AgentView[]> {
    const agents: AgentView[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? {} : { cursor };
      const page: Page<AgentView> = await this.#get(`/api/v1/agents${queryText(query)}`);
      agents.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return agents;
  }

  agent(agentId: string): Promise<AgentDetail> {
    return this.#get(`/api/v1/agents/${encodeURIComponent(agentId)}`);
  }

  /** The newest first. */
  artifacts(query: { limit?: number; cursor?: string } = {}): Promise<Page<ArtifactView>> {
    return this.#get(`/api/v1/artifacts${queryText(query)}`);
  }

  /** With a fresh URL to download it by, once it is ready. */
  artifact(artifactId: string): Promise<ArtifactDetail> {
    return this.#get(`/api/v1/artifacts/${encodeURIComponent(artifactId)}`);
  }

  async publishRelease(order: ReleaseOrder): Promise<ReleaseView> {
    const response = await this.#fetch("/api/v1/releases", jsonBody(order));
    return (await response.json()) as ReleaseView;
  }

  /** The newest version first. */
  async releases(): Promise<ReleaseView[]> {
    const page: Page<ReleaseView> = await this.#get("/api/v1/releases");
    return page.items;
  }

  async deleteRelease(version: string): Promise<void> {
    await this.#fetch(`/api/v1/releases/${encodeURIComponent(version)}`, { method: "DELETE" });
  }

  async deleteArtifact(artifactId: string): Promise<void> {
    await this.#fetch(`/api/v1/artifacts/${encodeURIComponent(artifactId)}`, { method: "DELETE" });
  }

  async createToken(order: TokenOrderInput): Promise<NewToken> {
    const response = await this.#fetch("/api/v1/tokens", jsonBody(order));
    return (await response.json()) as NewToken;
  }

  async tokens(): Promise<TokenView[]> {
    const page: Page<TokenView> = await this.#get("/api/v1/tokens");
    return page.items;
  }

  async revokeToken(tokenId: string): Promise<void> {
    await this.#fetch(`/api/v1/tokens/${encodeURIComponent(tokenId)}`, { method: "DELETE" });
  }

  /** Another secret for the same token; the old one is void. */
  async rotateToken(tokenId: string): Promise<NewToken> {
    const path = `/api/v1/tokens/${encodeURIComponent(tokenId)}/rotate`;
    return (await (await this.#fetch(path, { method: "POST" })).json()) as NewToken;
  }

  async approveAgent(agentId: string): Promise<void> {
    const path = `/api/v1/agents/${encodeURIComponent(agentId)}/approve`;
    await this.#fetch(path, { method: "POST" });
  }

  /** How many tokens and keys it had. */
  async revokeAgent(agentId: string): Promise<number> {
    const path = `/api/v1/agents/${encodeURIComponent(agentId)}/revoke`;
    const answer = await (await this.#fetch(path, { method: "POST" })).json();
    return (answer as { revoked_tokens: number }).revoked_tokens;
  }

  /** One page of the audit trail, the oldest first; without a place to go on from, the newest. */
  auditTrail(query: { limit?: number; after?: number } = {}): Promise<AuditPage> {
    return this.#get(`/api/v1/audit${queryText(query)}`);
  }

  /** `head`: SEQUENCE:HASH, as it was kept before. */
  auditVerdict(head?: string): Promise<Verdict> {
    return this.#get(`/api/v1/audit/verdict${queryText(head === undefined ? {} : { head })}`, null);
  }

  whoami(): Promise<TokenView> {
    return this.#get("/api/v1/whoami");
  }

  async #get<T>(path: string, timeoutMs: number | null = answerMs): Promise<T> {
    return (await (await this.#fetch(path, {}, timeoutMs)).json()) as T;
  }

  /** Repeats under one key while it cannot be known whether the order arrived. */
  #order<T>(asked: Asked, read: (response: Response) => Promise<T>): Promise<T> {
    const { order, path, accept, signal } = asked;
    const init = jsonBody(order);
    const headers = { ...init.headers, Accept: accept, "Idempotency-Key": newKey() };
    let mayHaveArrived = false;
    const mayRepeat = (error: unknown) => {
      mayHaveArrived ||= !isRefused(error);
      return mayHaveArrived;
    };
    return mending(signal, mayRepeat, async () =>
      read(await this.#fetch(path, { ...init, headers, ...withSignal(signal) }, null)),
    );
  }

  async #firstLine(response: Response) {
    const lines = readLines(response, silenceMs);
    const first = await lines.next().catch((error) => {
      throw this.#unreachable(error);
    });
    if (first.done) throw this.#unreachable(new Error("the answer ended early"));
    return { accepted: first.value as AcceptedLine, lines };
  }

  async *#follow(
    job: JobView,
    options: SendOptions,
    first: AsyncIterable<unknown> = noLines(),
  ): AsyncGenerator<StreamLine> {
    const { signal } = options;
    const progress = new StreamProgress();
    let lines = first;
    while (progress.ended < job.total) {
      try {
        for await (const line of lines as AsyncIterable<StreamLine>) {
          if (progress.isNew(line)) yield line;
        }
      } catch (error) {
        if (signal?.aborted || error instanceof WsctlError) throw error;
        // The stream broke; what it had not yet said is asked for again below.
      }
      if (progress.ended >= job.total) return;
      const { path, init } = progress.rest(job.job_id, options.withOutput ?? false);
      const response = await mending(
        signal,
        () => true,
        () => this.#fetch(path, { ...init, ...withSignal(signal) }, null),
      );
      lines = readLines(response, silenceMs);
    }
  }

  /** `timeoutMs` is null for a stream, which has its own measure of silence. */
  async #fetch(path: string, init: RequestInit, timeoutMs: number | null = answerMs) {
    const { url, token, fetch } = this.#options;
    const headers = { ...init.headers, Authorization: `Bearer ${token}` };
    const limit = timeoutMs === null ? {} : { signal: AbortSignal.timeout(timeoutMs) };
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, { redirect: "error", ...limit, ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw this.#unreachable(error);
    }
    if (!response.ok) throw await errorOf(response, url);
    return response;
  }

  #unreachable(cause: unknown): WsctlError {
    const text = `Cannot reach the control plane at ${this.#options.url}: ${plainReason(reasonOf(cause))}; "wsctl doctor" looks for the reason`;
    return new WsctlError("UNREACHABLE", text, { cause });
  }
}

async function* noLines(): AsyncGenerator<never> {}
