/** The commands that a restricted token may run and the agents that it may target and see. */
import { matches, parseSelector, type Selector } from "../../../protocol/api/selector.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import { readTrustedField } from "./labels.ts";
import type { AgentState } from "./session.ts";

/** The restrictions of a token; both are absent for an unrestricted one. */
export interface ScopeTerms {
  /** Names of the commands that the token may run. */
  commands?: readonly string[];
  /** Selector of the agents that the token may target. */
  target?: string;
  role?: string;
}

/** Where an agent connects decides who commands it. */
const adminCommands: ReadonlySet<string> = new Set(["move_agent"]);

export class AgentScope {
  readonly #commands: ReadonlySet<string> | undefined;
  readonly #isAdmin: boolean;
  readonly #selector: Selector | undefined;

  constructor({ commands, target, role }: ScopeTerms) {
    this.#isAdmin = role === "admin";
    this.#commands = commands === undefined ? undefined : new Set(commands);
    this.#selector = target === undefined ? undefined : parseSelector(target);
  }

  /** A restricted token sees only its own jobs. */
  get isRestricted(): boolean {
    return this.#commands !== undefined || this.#selector !== undefined;
  }

  allowsCommand(command: string): boolean {
    if (adminCommands.has(command) && !this.#isAdmin) return false;
    return this.#commands === undefined || this.#commands.has(command);
  }

  /**
   * Rejects a command outside the scope. The message lists the allowed commands.
   *
   * @throws {WsctlError} FORBIDDEN
   */
  requireCommand(command: string): void {
    if (this.allowsCommand(command)) return;
    if (adminCommands.has(command) && !this.#isAdmin) {
      throw new WsctlError("FORBIDDEN", `Token may not run "${command}": it needs an admin token`);
    }
    const allowed = [...(this.#commands ?? [])].join(", ");
    throw new WsctlError(
      "FORBIDDEN",
      `Token may not run "${command}"; allowed commands: ${allowed}`,
    );
  }

  sees({ record }: AgentState): boolean {
    if (this.#selector === undefined) return true;
    return matches(this.#selector, (name) => readTrustedField(record, name));
  }

  /** Returns those of the agents that are visible to this token. */
  within(agents: ReadonlyMap<string, AgentState>): ReadonlyMap<string, AgentState> {
    if (this.#selector === undefined) return agents;
    return new Map([...agents].filter(([, agent]) => this.sees(agent)));
  }
}
