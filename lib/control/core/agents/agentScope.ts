/** What a narrowed token may command, and whom it may command and see. */
import { matches, parseSelector, type Selector } from "../../../protocol/api/selector.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import { readTrustedField } from "./labels.ts";
import type { AgentState } from "./session.ts";

/** To what a token is narrowed; both are absent for one that is not. */
export interface ScopeTerms {
  /** Names of the commands that it may be used for. */
  commands?: readonly string[];
  /** Selector of the agents that it may be used for. */
  target?: string;
}

export class AgentScope {
  readonly #commands: ReadonlySet<string> | undefined;
  readonly #selector: Selector | undefined;

  constructor({ commands, target }: ScopeTerms) {
    this.#commands = commands === undefined ? undefined : new Set(commands);
    this.#selector = target === undefined ? undefined : parseSelector(target);
  }

  /** A narrowed token sees nobody's jobs but its own. */
  get isRestricted(): boolean {
    return this.#commands !== undefined || this.#selector !== undefined;
  }

  /** Throws `FORBIDDEN` with what is allowed instead. */
  requireCommand(command: string): void {
    if (this.#commands === undefined || this.#commands.has(command)) return;
    const allowed = [...this.#commands].join(", ");
    throw new WsctlError("FORBIDDEN", `this token may not ask for this command, only: ${allowed}`);
  }

  sees({ record }: AgentState): boolean {
    if (this.#selector === undefined) return true;
    return matches(this.#selector, (name) => readTrustedField(record, name));
  }

  /** Of the known agents those that exist for this token. */
  within(agents: ReadonlyMap<string, AgentState>): ReadonlyMap<string, AgentState> {
    if (this.#selector === undefined) return agents;
    return new Map([...agents].filter(([, agent]) => this.sees(agent)));
  }
}
