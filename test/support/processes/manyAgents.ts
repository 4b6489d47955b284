/**
 * Many agents of `wsctl.v1` in one process: `manyAgents.ts URL FILE RAN`. FILE has one JSON object
 * a line: `{"id", "token", "hello"?}`. Each remembers what it was named and what it has answered,
 * and comes back soon when its connection ends; every execution is a line `id request_id` in RAN. A
 * command runs for `parameters.ms` and fails where `parameters.fails` has the agent's id.
 * Says `all N open` whenever that has become so.
 */

import { randomUUID } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";

interface Told {
  id: string;
  token: string;
  hello?: object;
}

interface Message {
  type: string;
  request_id?: string;
  payload: {
    journal_id?: string;
    epoch?: number;
    heartbeat_seconds?: number;
    command?: string;
    parameters?: { ms?: number; fails?: string[]; says?: string };
  };
}

const [url = "", file = "", ran = ""] = process.argv.slice(2);
const all = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Told);
let open = 0;

class ManyAgent {
  readonly #told: Told;
  readonly #instance = randomUUID();
  readonly #answers = new Map<string, string | undefined>();
  #memory = { journal_id: "new", epoch: 0 };
  #socket: WebSocket | undefined;

  constructor(told: Told) {
    this.#told = told;
  }

  dial(): void {
    const headers = { Authorization: `Bearer ${this.#told.token}` };
    const socket = new WebSocket(url, { headers, protocols: ["wsctl.v1"] });
    this.#socket = socket;
    let isOpen = false;
    socket.onopen = () => {
      const more = { protocol_version: 1, version: "1.2.3", instance_id: this.#instance };
      this.#say("hello", { ...more, ...this.#told.hello, ...this.#memory });
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.type === "welcome" && !isOpen) {
        isOpen = true;
        if (++open === all.length) process.stdout.write(`all ${open} open\n`);
      }
      this.#take(message);
    };
    socket.onclose = () => {
      if (isOpen) open--;
      setTimeout(() => this.dial(), 100 + Math.random() * 900);
    };
  }

  beat(): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#say("heartbeat", {});
  }

  #take({ type, request_id: id = "", payload }: Message): void {
    if (type === "welcome") {
      const { journal_id = "", epoch = 0 } = payload;
      this.#memory = { journal_id, epoch };
      for (const [known, answer] of this.#answers) if (answer !== undefined) this.#answer(known);
    }
    if (type === "ack") this.#answers.set(id, "");
    if (type !== "command") return;
    if (this.#answers.has(id)) return this.#answer(id);
    this.#answers.set(id, undefined);
    appendFileSync(ran, `${this.#told.id} ${id}\n`);
    const { ms = 0, fails = [], says = "done" } = payload.parameters ?? {};
    const status = fails.includes(this.#told.id) ? "failed" : "success";
    setTimeout(() => {
      this.#answers.set(id, JSON.stringify({ status, message: says }));
      this.#answer(id);
    }, ms);
  }

  /** Again and again until it is acknowledged: what was lost on the way is said once more. */
  #answer(id: string): void {
    const answer = this.#answers.get(id);
    if (answer === undefined || answer === "") return;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#say("response", JSON.parse(answer), id);
  }

  #say(type: string, payload: object, request_id?: string): void {
    const timestamp = new Date().toISOString();
    this.#socket?.send(JSON.stringify({ type, request_id, timestamp, payload }));
  }
}

const agents = all.map((told) => new ManyAgent(told));
for (const agent of agents) setTimeout(() => agent.dial(), Math.random() * 1_000);
setInterval(() => {
  for (const agent of agents) agent.beat();
}, 5_000);
