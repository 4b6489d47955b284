/**
 * The strangers: peers in `test/interop/` that know only the communication standard, as processes
 * that tell what they see in lines of JSON and do what they are told in lines of JSON.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Inbox } from "./inbox.ts";

export type Language = "node" | "python";

export interface StrangerEvent {
  event: "listening" | "connected" | "received" | "closed" | "error";
  port?: number;
  authorization?: string;
  text?: string;
  code?: number;
}

/** A message as the standard has it. */
export interface StandardMessage {
  type: string;
  request_id?: string;
  timestamp: string;
  payload: Record<string, unknown>;
}

const folder = new URL("../../interop/", import.meta.url).pathname;
const python = "/usr/bin/python3";

/** The languages in which strangers can be met on this machine; says so where one is missing. */
export function strangerLanguages(): Language[] {
  if (spawnSync(python, ["-c", "import websockets"]).status === 0) return ["node", "python"];
  process.stderr.write("strangers in Python are not met here: python3-websockets is missing\n");
  return ["node"];
}

export class Stranger implements AsyncDisposable {
  readonly events = new Inbox<StrangerEvent>();
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;

  constructor(language: Language, name: string, args: string[], env: Record<string, string> = {}) {
    const [command, draft] = language === "node" ? ["node", "mjs"] : [python, "py"];
    const { PATH = "" } = process.env;
    this.#child = spawn(command, [join(folder, `${name}.${draft}`), ...args], {
      env: { PATH, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let faults = "";
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      faults += text;
    });
    this.#child.stdin?.on("error", () => {});
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on("line", (line) => this.events.add(JSON.parse(line) as StrangerEvent));
    this.exited = new Promise((resolve) => {
      this.#child.once("close", () => {
        this.events.end(`the stranger has ended: ${faults}`);
        resolve();
      });
    });
  }

  /** How many events there are: what comes after is behind this mark. */
  get mark(): number {
    return this.events.all.length;
  }

  /** Every message that it received, as it came over the wire. */
  get received(): StandardMessage[] {
    return this.events.all.filter(({ event }) => event === "received").map(messageOf);
  }

  say(text: string): void {
    this.#order({ text });
  }

  sayBinary(bytes: Uint8Array): void {
    this.#order({ binary: Buffer.from(bytes).toString("base64") });
  }

  event(name: StrangerEvent["event"], from = 0): Promise<StrangerEvent> {
    return this.events.first(
      `event "${name}"`,
      (event) => (event.event === name ? event : undefined),
      from,
    );
  }

  /** The first message after the mark that fits. */
  message(
    what: string,
    fits: (message: StandardMessage) => boolean,
    from = 0,
  ): Promise<StandardMessage> {
    const pick = (event: StrangerEvent) => {
      if (event.event !== "received") return undefined;
      const message = messageOf(event);
      return fits(message) ? message : undefined;
    };
    return this.events.first(what, pick, from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  #order(order: object): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }
}

function messageOf(event: StrangerEvent): StandardMessage {
  return JSON.parse(event.text ?? "") as StandardMessage;
}
