/** The suite in the role of an agent: it opens a connection for each check. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Trust } from "../network/trust.ts";
import { Mismatch, NotApplicable } from "./check.ts";
import { opcodes } from "./frames.ts";
import type { Closed, Link, ReceivedMessage } from "./link.ts";
import { type Dialled, dial } from "./upgrade.ts";
import { message, typeOf } from "./wire.ts";

export interface ControlSuiteOptions {
  /** The WebSocket endpoint of agents. */
  url: string;
  trust: Trust;
  /** The token of an agent that nothing else uses. */
  token: string;
  /** How long an answer may take. */
  answerMs: number;
  /** How often the control plane expects a heartbeat. */
  heartbeatMs: number;
  /** Makes the control plane send a command to the agent; without it, commands are not checked. */
  sendCommand?: () => Promise<void>;
}

/** The time after an answer in which a refusal of the same message would come. */
const settleMs = 40;

export class ControlSession {
  readonly options: ControlSuiteOptions;
  readonly links: Link[] = [];

  constructor(options: ControlSuiteOptions) {
    this.options = options;
  }

  get messages(): ReceivedMessage[] {
    return this.links.flatMap((link) => link.messages);
  }

  dial(headers: Record<string, string>): Promise<Dialled> {
    const { url, trust } = this.options;
    return dial({ url, trust, headers });
  }

  /** A fresh connection, and none beside it. */
  async connect(): Promise<Link> {
    for (const link of this.links) link.destroy();
    const { link, status } = await this.dial({ Authorization: `Bearer ${this.options.token}` });
    if (link === undefined) throw new Mismatch(`expected status 101, got ${status}`);
    this.links.push(link);
    return link;
  }

  heartbeat(link: Link): void {
    link.send(message("heartbeat", {}));
  }

  /** Waits for the end of a connection that does not end because its agent is silent. */
  async ending(link: Link): Promise<Closed | undefined> {
    const { answerMs, heartbeatMs } = this.options;
    const timer = setInterval(() => this.heartbeat(link), heartbeatMs);
    this.heartbeat(link);
    try {
      return await link.until(answerMs, () => link.closed);
    } finally {
      clearInterval(timer);
    }
  }

  /** Waits until the control plane has read everything that was sent before. */
  async settle(link: Link): Promise<void> {
    const mark = link.pongs.length;
    link.frame(opcodes.ping, "settled");
    await link.until(this.options.answerMs, () => link.closed ?? link.pongs[mark]);
    await sleep(settleMs);
  }

  /** Requires that the control plane takes these frames without an error, and stays connected. */
  async requireAccepted(link: Link, send: () => void): Promise<void> {
    const mark = link.messages.length;
    send();
    await this.settle(link);
    const error = link.messages.slice(mark).find((each) => typeOf(each) === "error");
    if (error !== undefined) throw new Mismatch(`expected no error, got ${error.text}`);
    if (link.closed !== undefined) {
      throw new Mismatch(`expected an open connection, got close ${link.closed.code}`);
    }
  }

  /** Sends a text, and returns the error message that follows, if one does. */
  async refusal(link: Link, text: string): Promise<ReceivedMessage | undefined> {
    const mark = link.messages.length;
    link.send(text);
    return link.until(this.options.answerMs, () =>
      link.messages.slice(mark).find((each) => typeOf(each) === "error"),
    );
  }

  /** Has the control plane send a command, and waits for it. */
  async command(link: Link): Promise<ReceivedMessage> {
    const { sendCommand, answerMs } = this.options;
    if (sendCommand === undefined) throw new NotApplicable("no --send command is given");
    const mark = link.messages.length;
    this.heartbeat(link);
    await sendCommand();
    const found = await link.until(answerMs, () =>
      link.messages.slice(mark).find((each) => typeOf(each) === "command"),
    );
    if (found === undefined) throw new Mismatch("expected a command, got nothing");
    return found;
  }

  close(): void {
    for (const link of this.links) link.destroy();
  }
}
