/**
 * A round: fresh cores of a control plane and of agents, and the inputs that they are sent one
 * after another. After the last, whoever had to bear them must still do its work.
 */
import { Random } from "../sim/random.ts";
import { AgentTrial, type Manner } from "./agentTrial.ts";
import { ControlTrial, startMs } from "./controlTrial.ts";
import type { Input } from "./grammar.ts";

const manners: readonly Manner[] = ["greeted", "greeting", "standard"];

export class Round {
  readonly #control: ControlTrial;
  readonly #agents: AgentTrial[];

  constructor(met: (what: string) => void) {
    this.#control = new ControlTrial(met);
    this.#agents = manners.map((manner) => new AgentTrial(manner, startMs, met));
  }

  /** Feeds an input to whom it was made for, now and then to the others; says what they did. */
  feed({ seed, kind, text }: Input): string {
    const random = new Random(seed, 8);
    const isForAll = random.chance(0.1);
    // Every third round is hasty: there the refused ones are too many in too short a time.
    const isHasty = Math.floor(seed / 100) % 3 === 0;
    const ms = random.pick(isHasty ? [0, 1, 20, 200] : [0, 20, 300, 2_000]);
    this.#control.pass(ms);
    for (const agent of this.#agents) agent.pass(ms);
    const told: string[] = [];
    if (isForAll || kind === "agent") told.push(`control: ${this.#control.feed(text)}`);
    if (isForAll || kind === "control") {
      this.#agents.forEach((agent, index) => {
        told.push(`${manners[index]}: ${agent.feed(text)}`);
      });
    }
    return told.join(" | ");
  }

  /** A ping goes from this control plane to the first agent, and its answer is an outcome. */
  finish(): void {
    const agent = this.#agents[0];
    if (agent === undefined) return;
    const greeting = agent.reconnect();
    const sessionId = this.#control.connect("alpha", true, false);
    this.#exchange(sessionId, agent, greeting);
    this.#control.submit("the last ping", "alpha");
    if (!this.#control.isOpen("the last ping")) throw new Error("the last ping is not accepted");
    this.#exchange(sessionId, agent, []);
    if (this.#control.outcomeOf("the last ping") !== "success") {
      throw new Error(`the last ping ends as ${this.#control.outcomeOf("the last ping")}`);
    }
  }

  /** Messages go to and fro until nobody has more to say. */
  #exchange(sessionId: number, agent: AgentTrial, first: string[]): void {
    let words = first;
    for (let turn = 0; turn < 50; turn++) {
      for (const text of words) this.#control.receive(sessionId, text);
      const told = this.#control.collect(sessionId);
      if (told.length === 0) return;
      words = told.flatMap((text) => agent.hear(text));
    }
    throw new Error("the two do not come to an end");
  }
}
