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
  JobView,
  Page,
  ReleaseOrder,
  ReleaseView,
  StreamLine,
} from "../protocol/api.ts";
import type { ArtifactDetail, ArtifactView } from "../protocol/artifacts.ts";
import type { AuditPage, Verdict } from "../protocol/audit.ts";
import { WsctlError } from "../protocol/errors.ts";
import type { JobOrderInput, RetryOrder } from "../protocol/order.ts";
import type { TargetQuery, TargetView } from "../protocol/target.ts";
import type { NewToken, TokenOrderInput, TokenView } from "../protocol/tokens.ts";
import { jsonBody, queryText, withSignal } from "./http.ts";
import { readLines } from "./lines.ts";
import { mending } from "./mending.ts";
import { isRefused } from "./reasons.ts";
import { StreamProgress } from "./streamProgress.ts";
import { type ClientOptions, Transport } from "./transport.ts";

export type { ClientOptions } from "./transport.ts";

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
  order: JobOrderInput | RetryOrder;
  path: string;
  accept: string;
  signal: AbortSignal | undefined;
}

/** A stream is kept alive by an empty line every ten seconds: longer silence means it is dead. */
const silenceMs = 35_000;

export class Client {
  readonly #http: Transport;

  constructor(options: ClientOptions) {
    this.#http = new Transport(options);
  }

  /**
   * Asks for a job and follows it to its last outcome. The job is asked for under a key of its own,
   * so that a lost answer never makes a second one; a broken stream is resumed where it broke.
   */
  send(order: JobOrderInput, options: SendOptions = {}): Promise<Sent> {
    return this.#send(order, "/api/v1/jobs", options);
  }

  /** The same for some of the agents of a job that has ended. */
  retryJob(jobId: string, order: RetryOrder, options: SendOptions = {}): Promise<Sent> {
    return this.#send(order, `/api/v1/jobs/${encodeURIComponent(jobId)}/retry`, options);
  }

  async #send(order: Asked["order"], to: string, options: SendOptions): Promise<Sent> {
    const { signal, withOutput = false } = options;
    const path = withOutput ? `${to}?output=true` : to;
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
    return this.#http.get(`/api/v1/jobs${queryText(query)}`);
  }

  job(jobId: string): Promise<JobDetail> {
    return this.#http.get(`/api/v1/jobs/${encodeURIComponent(jobId)}`);
  }

  /** Withdraws what of the job was not sent yet. */
  cancelJob(jobId: string): Promise<JobDetail> {
    return this.#decide(jobId, "cancel");
  }

  /** Lets a job go out that another operator has asked for. */
  approveJob(jobId: string): Promise<JobView> {
    return this.#decide(jobId, "approve");
  }

  /** Holds back what of the job was not sent, until it is resumed. */
  pauseJob(jobId: string): Promise<JobView> {
    return this.#decide(jobId, "pause");
  }

  resumeJob(jobId: string): Promise<JobView> {
    return this.#decide(jobId, "resume");
  }

  async #decide<T>(jobId: string, what: string): Promise<T> {
    const path = `/api/v1/jobs/${encodeURIComponent(jobId)}/${what}`;
    return this.#http.post(path);
  }

  /** Whom a target means, and who is left out. */
  targets(query: TargetQuery): Promise<TargetView> {
    return this.#http.post("/api/v1/targets", query);
  }

  async agents(): Promise<AgentView[]> {
    const agents: AgentView[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? {} : { cursor };
      const page: Page<AgentView> = await this.#http.get(`/api/v1/agents${queryText(query)}`);
      agents.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return agents;
  }

  agent(agentId: string): Promise<AgentDetail> {
    return this.#http.get(`/api/v1/agents/${encodeURIComponent(agentId)}`);
  }

  /** By label its new value, or null where it is taken away. */
  async labelAgent(agentId: string, labels: Record<string, string | null>): Promise<AgentView> {
    const path = `/api/v1/agents/${encodeURIComponent(agentId)}/labels`;
    return this.#http.post(path, { labels });
  }

  /** Whether it takes no new jobs. */
  async drainAgent(agentId: string, drained: boolean): Promise<AgentView> {
    const path = `/api/v1/agents/${encodeURIComponent(agentId)}/${drained ? "drain" : "undrain"}`;
    return this.#http.post(path);
  }

  async forgetAgent(agentId: string): Promise<void> {
    const path = `/api/v1/agents/${encodeURIComponent(agentId)}`;
    await this.#http.fetch(path, { method: "DELETE" });
  }

  /** The newest first. */
  artifacts(query: { limit?: number; cursor?: string } = {}): Promise<Page<ArtifactView>> {
    return this.#http.get(`/api/v1/artifacts${queryText(query)}`);
  }

  /** With a fresh URL to download it by, once it is ready. */
  artifact(artifactId: string): Promise<ArtifactDetail> {
    return this.#http.get(`/api/v1/artifacts/${encodeURIComponent(artifactId)}`);
  }

  publishRelease(order: ReleaseOrder): Promise<ReleaseView> {
    return this.#http.post("/api/v1/releases", order);
  }

  /** The newest version first. */
  async releases(): Promise<ReleaseView[]> {
    const page: Page<ReleaseView> = await this.#http.get("/api/v1/releases");
    return page.items;
  }

  async deleteRelease(version: string): Promise<void> {
    await this.#http.fetch(`/api/v1/releases/${encodeURIComponent(version)}`, { method: "DELETE" });
  }

  async deleteArtifact(artifactId: string): Promise<void> {
    await this.#http.fetch(`/api/v1/artifacts/${encodeURIComponent(artifactId)}`, {
      method: "DELETE",
    });
  }

  createToken(order: TokenOrderInput): Promise<NewToken> {
    return this.#http.post("/api/v1/tokens", order);
  }

  async tokens(): Promise<TokenView[]> {
    const page: Page<TokenView> = await this.#http.get("/api/v1/tokens");
    return page.items;
  }

  async revokeToken(tokenId: string): Promise<void> {
    await this.#http.fetch(`/api/v1/tokens/${encodeURIComponent(tokenId)}`, { method: "DELETE" });
  }

  /** Another secret for the same token; the old one is void. */
  rotateToken(tokenId: string): Promise<NewToken> {
    return this.#http.post(`/api/v1/tokens/${encodeURIComponent(tokenId)}/rotate`);
  }

  async approveAgent(agentId: string): Promise<void> {
    const path = `/api/v1/agents/${encodeURIComponent(agentId)}/approve`;
    await this.#http.fetch(path, { method: "POST" });
  }

  /** How many tokens and keys it had. */
  async revokeAgent(agentId: string): Promise<number> {
    const path = `/api/v1/agents/${encodeURIComponent(agentId)}/revoke`;
    const answer = await (await this.#http.fetch(path, { method: "POST" })).json();
    return (answer as { revoked_tokens: number }).revoked_tokens;
  }

  /** One page of the audit trail, the oldest first; without a place to go on from, the newest. */
  auditTrail(query: { limit?: number; after?: number } = {}): Promise<AuditPage> {
    return this.#http.get(`/api/v1/audit${queryText(query)}`);
  }

  /** `head`: SEQUENCE:HASH, as it was kept before. */
  auditVerdict(head?: string): Promise<Verdict> {
    return this.#http.get(
      `/api/v1/audit/verdict${queryText(head === undefined ? {} : { head })}`,
      null,
    );
  }

  whoami(): Promise<TokenView> {
    return this.#http.get("/api/v1/whoami");
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
      read(await this.#http.fetch(path, { ...init, headers, ...withSignal(signal) }, null)),
    );
  }

  async #firstLine(response: Response) {
    const lines = readLines(response, silenceMs);
    const first = await lines.next().catch((error) => {
      throw this.#http.unreachable(error);
    });
    if (first.done) throw this.#http.unreachable(new Error("the answer ended early"));
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
        () => this.#http.fetch(path, { ...init, ...withSignal(signal) }, null),
      );
      lines = readLines(response, silenceMs);
    }
  }
}

async function* noLines(): AsyncGenerator<never> {}
