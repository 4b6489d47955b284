/** The suite in the role of a control plane: it listens, and remembers what the agent does. */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "../protocol/json.ts";
import { Mismatch, NotApplicable } from "./check.ts";
import type { Link, ReceivedMessage } from "./link.ts";
import { listen, type UpgradeServer } from "./upgrade.ts";
import { message, payloadOf, requestIdOf, typeOf } from "./wire.ts";

export interface AgentSuiteOptions {
  host: string;
  port: number;
  /** The path that the agent is told to connect to. */
  path: string;
  /** A command that the agent knows and answers soon, and its parameters. */
  command: string;
  parameters?: JsonObject;
  /** How long an answer may take. */
  answerMs: number;
  /** How long the agent may take between two heartbeats, and between two status updates. */
  heartbeatMs: number;
  statusMs: number;
  /** How long the agent may take to connect, and to connect again. */
  connectMs: number;
}

export class AgentSession {
  readonly options: AgentSuiteOptions;
  readonly links: Link[] = [];
  readonly server: UpgradeServer;
  #isGone = false;

  private constructor(options: AgentSuiteOptions, server: UpgradeServer, links: Link[]) {
    this.options = options;
    this.server = server;
    this.links = links;
  }

  static async open(options: AgentSuiteOptions): Promise<AgentSession> {
    const links: Link[] = [];
    const server = await listen(options.port, options.host, (link) => links.push(link));
    return new AgentSession(options, server, links);
  }

  /** Where the agent must connect. */
  get url(): string {
    const { host, path } = this.options;
    return `ws://${host}:${this.server.port}${path}`;
  }

  /** Every message of the agent so far. */
  get messages(): ReceivedMessage[] {
    return this.links.flatMap((link) => link.messages);
  }

  /** The open connection, for which it waits. An agent that stayed away once is not waited for again. */
  async link(): Promise<Link> {
    const patienceMs = this.#isGone ? 0 : this.options.connectMs;
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const open = this.links.find((link) => link.closed === undefined);
      if (open !== undefined) {
        this.#isGone = false;
        if (await lasts(open)) return open;
        continue;
      }
      if (performance.now() > deadline) {
        if (this.#isGone) throw new NotApplicable("the agent has not come back");
        this.#isGone = true;
        throw new Mismatch(`expected a connection within ${this.options.connectMs / 1000} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Sends the command that the agent knows; `fields` replaces members of the envelope. */
  async sendCommand(fields: JsonObject = {}, payload: JsonObject = {}): Promise<SentCommand> {
    const link = await this.link();
    const id = typeof fields.request_id === "string" ? fields.request_id : randomUUID();
    const { command, parameters } = this.options;
    const own = { command, ...(parameters === undefined ? {} : { parameters }), ...payload };
    const mark = link.messages.length;
    link.send(message("command", own, { request_id: id, ...fields }));
    return { link, id, mark };
  }

  /** The answer of the agent to a request, if it comes before the connection ends. */
  async answer({ link, id, mark }: SentCommand): Promise<ReceivedMessage | undefined> {
    const found = () =>
      link.messages.slice(mark).find((each) => requestIdOf(each) === id && isAnswer(each));
    await link.until(this.options.answerMs, () => found() ?? link.closed);
    return found();
  }

  /** Requires a `response` to a command. */
  async requireResponse(sent: SentCommand): Promise<ReceivedMessage> {
    const answer = await this.answer(sent);
    if (answer !== undefined && typeOf(answer) === "response") return answer;
    if (answer !== undefined) {
      const { code, message: text } = payloadOf(answer);
      throw new Mismatch(`expected a response, got the error ${code}: ${text}`);
    }
    const how = sent.link.closed === undefined ? "nothing" : "a closed connection";
    throw new Mismatch(`expected a response within ${this.options.answerMs / 1000} s, got ${how}`);
  }

  /** Requires a `response` to a command, on a new connection if the agent ends the present one. */
  async requireResponseAnywhere(): Promise<ReceivedMessage> {
    const sent = await this.sendCommand();
    const answer = await this.answer(sent);
    if (answer !== undefined || sent.link.closed === undefined) return this.requireResponse(sent);
    return this.requireResponse(await this.sendCommand());
  }

  /** Sends a text, and returns the error message that follows, if one does. */
  async refusal(text: string): Promise<ReceivedMessage | undefined> {
    const link = await this.link();
    const mark = link.messages.length;
    link.send(text);
    return link.until(this.options.answerMs, () =>
      link.messages.slice(mark).find((each) => typeOf(each) === "error"),
    );
  }

  close(): void {
    this.server.close();
  }
}

export interface SentCommand {
  link: Link;
  id: string;
  /** The messages before this one came before the command. */
  mark: number;
}

/** How long an agent whose offered subprotocol was not agreed may take to end the connection. */
const declineMs = 3_000;

/**
 * Whether a connection is one to work with: an agent that offers a subprotocol may end the first
 * one, because none was agreed, and connect again without the offer. An agent that sends a message
 * has accepted the connection.
 */
async function lasts(link: Link): Promise<boolean> {
  if (link.headers["sec-websocket-protocol"] === undefined) return link.closed === undefined;
  const left = link.openedAt + declineMs - performance.now();
  if (left > 0) await link.until(left, () => link.closed ?? link.messages[0]);
  return link.closed === undefined;
}

function isAnswer(each: ReceivedMessage): boolean {
  return typeOf(each) === "response" || typeOf(each) === "error";
}
