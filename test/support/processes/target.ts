/** A control plane to be attacked: its API as its administrator uses it, and agents by hand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { NewToken } from "../../../lib/protocol/api/tokens.ts";
import type {
  AcceptedLine,
  AgentView,
  JobDetail,
  RequestView,
} from "../../../lib/protocol/api/views.ts";
import type { StandardMessage } from "../clients/foreignPeer.ts";
import { RawSocket } from "../clients/rawSocket.ts";
import { standardText } from "../fixtures/standard.ts";
import { type Flavour, type Serving, startServe, temporaryDir } from "./processes.ts";

export interface ApiAnswer {
  status: number;
  headers: Headers;
  body: { error?: { code: string; message: string } } & Record<string, unknown>;
}

export interface ApiOptions {
  method?: string;
  body?: string;
  /** The whole `Authorization` header; undefined for the administrator's, "" for none. */
  authorization?: string;
}

export class Target implements AsyncDisposable {
  readonly serving: Serving;
  readonly #dataDir: string & Disposable;
  /** The administrator's token. */
  readonly admin: string;
  #agents = 0;

  private constructor(serving: Serving, dataDir: string & Disposable) {
    this.serving = serving;
    this.#dataDir = dataDir;
    const local = JSON.parse(readFileSync(join(`${dataDir}`, "local.json"), "utf8"));
    this.admin = local.token;
  }

  /** A directory that is given stays when the target goes. */
  static async start(
    flavour: Flavour,
    args: string[] = [],
    kept?: string,
    env: Record<string, string> = {},
  ): Promise<Target> {
    const dataDir = kept === undefined ? temporaryDir() : keptDir(kept);
    return new Target(await startServe({ dataDir, flavour, args, env }), dataDir);
  }

  get port(): number {
    return this.serving.port;
  }

  async api(path: string, options: ApiOptions = {}): Promise<ApiAnswer> {
    const { method = "GET", body, authorization = `Bearer ${this.admin}` } = options;
    const response = await fetch(`${this.serving.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      headers: {
        "Content-Type": "application/json",
        ...(authorization === "" ? {} : { Authorization: authorization }),
      },
    });
    const text = await response.text();
    const { status, headers } = response;
    return { status, headers, body: text === "" ? {} : JSON.parse(text) };
  }

  /** A token for an agent that nobody else uses. */
  async newAgent(): Promise<NewToken & { agent_id: string }> {
    const agentId = `agent-${++this.#agents}`;
    const body = JSON.stringify({ role: "agent", agent_id: agentId });
    const made = await this.api("/api/v1/tokens", { method: "POST", body });
    return made.body as unknown as NewToken & { agent_id: string };
  }

  async connect(token: string, headers: string[] = []): Promise<RawSocket> {
    const authorization = `Authorization: Bearer ${token}`;
    return RawSocket.open({ port: this.port, headers: [authorization, ...headers] });
  }

  /** An agent of its own that speaks the standard, connected. */
  async agent(): Promise<RawAgent> {
    const { agent_id, token, token_id } = await this.newAgent();
    const socket = await this.connect(token);
    return new RawAgent({ id: agent_id, token, tokenId: token_id, socket });
  }

  /** Asks for a job without waiting; answers with the ids of its requests, in order. */
  async send(command: string, agents: string[], more: object = {}): Promise<Asked> {
    const body = JSON.stringify({ command, target: { agents }, ...more });
    const answer = await this.api("/api/v1/jobs", { method: "POST", body });
    if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
    const { job, requests } = answer.body as unknown as AcceptedLine;
    return { jobId: job.job_id, requestIds: requests.map((request) => request.request_id) };
  }

  async requests(jobId: string): Promise<RequestView[]> {
    const { body } = await this.api(`/api/v1/jobs/${jobId}`);
    return (body as unknown as JobDetail).requests;
  }

  /** The requests of a job, once the last has ended. */
  async ended(jobId: string): Promise<RequestView[]> {
    const authorization = `Bearer ${this.admin}`;
    const stream = await fetch(`${this.serving.url}/api/v1/jobs/${jobId}/outcomes`, {
      headers: { Authorization: authorization },
    });
    await stream.text();
    return this.requests(jobId);
  }

  async view(agentId: string): Promise<AgentView> {
    return (await this.api(`/api/v1/agents/${agentId}`)).body as unknown as AgentView;
  }

  /** That it lives: a fresh agent is sent a command, and its answer arrives. */
  async pings(agent?: RawAgent): Promise<string | undefined> {
    const asked = agent ?? (await this.agent());
    const { jobId, requestIds } = await this.send("ping", [asked.id]);
    const id = requestIds[0] ?? "";
    await asked.command(id);
    asked.respond(id);
    const [request] = await this.ended(jobId);
    if (agent === undefined) await asked[Symbol.asyncDispose]();
    return request?.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.serving[Symbol.asyncDispose]();
    this.#dataDir[Symbol.dispose]();
  }
}

function keptDir(path: string): string & Disposable {
  return Object.assign(String(path), { [Symbol.dispose]: () => {} }) as string & Disposable;
}

export interface Asked {
  jobId: string;
  requestIds: string[];
}

/** An agent whose every frame is the test's own. */
export class RawAgent implements AsyncDisposable {
  readonly id: string;
  readonly token: string;
  readonly tokenId: string;
  readonly socket: RawSocket;

  constructor(facts: { id: string; token: string; tokenId: string; socket: RawSocket }) {
    this.id = facts.id;
    this.token = facts.token;
    this.tokenId = facts.tokenId;
    this.socket = facts.socket;
  }

  say(type: string, payload: object, requestId?: string): void {
    this.socket.text(standardText(type, payload, requestId));
  }

  respond(requestId: string, payload: object = { status: "success" }): void {
    this.say("response", payload, requestId);
  }

  /** The command of this request, as it arrived. */
  command(requestId: string): Promise<StandardMessage> {
    return this.socket.message<StandardMessage>(
      `command ${requestId}`,
      ({ type, request_id }) => type === "command" && request_id === requestId,
    );
  }

  /** The next error after the mark. */
  error(from = 0): Promise<StandardMessage> {
    return this.socket.message<StandardMessage>("error", ({ type }) => type === "error", from);
  }

  /** Whether a message that needs an answer gets one: the connection is alive and in order. */
  async isAlive(): Promise<boolean> {
    const from = this.socket.mark;
    this.say("heartbeat", {});
    this.respond("nobody-asked");
    return (await this.error(from)).payload.code === "UNKNOWN_REQUEST";
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.socket[Symbol.asyncDispose]();
  }
}
