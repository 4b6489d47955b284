/**
 * The index of what was asked long ago: of whom (`request_agents`), how it ended (`job_outcomes`)
 * and in which words (`outcome_words`). It is made behind the journal's back, a step at a time, so
 * that accepting and ending a request cost nothing more; who asks for a list makes up what little
 * is missing. Both full-text tables are keyed by the `rowid` of the request and hold no text.
 */
import { WsctlError } from "../../protocol/errors.ts";
import type { Database } from "../../store/sqlite.ts";
import type { JobsQuery } from "../journal.ts";

interface Progress {
  requests_through: number;
  outcomes_through: number;
}

/** What one step takes: its transaction holds up whoever waits for the journal. */
const stepRequests = 1_000;
const stepTextChars = 128 * 1024;

/** What a list makes up for at once, and what its reader waits for before that. */
const stepsAtOnce = 8;
const stepsMax = 400;

/** Whether a list goes by this index. */
export function needsIndex({ agentId, search, status }: JobsQuery): boolean {
  const isEnding = status !== undefined && status !== "open";
  return agentId !== undefined || search !== undefined || isEnding;
}

/** Waits while steps are left to do, though not for ever; others have their turn in between. */
export async function whole(step: () => boolean): Promise<void> {
  for (let steps = 0; steps < stepsMax && step(); steps++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

export class HistoryIndex {
  readonly #db: Database;
  readonly #progress;
  readonly #lastRequest;
  readonly #addAgents;
  readonly #setRequests;
  readonly #sizes;
  readonly #addWords;
  readonly #addOutcomes;
  readonly #setOutcomes;

  constructor(db: Database) {
    this.#db = db;
    this.#progress = db.prepare<[], Progress>("SELECT * FROM history_index");
    this.#lastRequest = db.prepare<[number, number], { through: number | null }>(
      `SELECT max(row) AS through FROM (SELECT rowid AS row FROM requests WHERE rowid > ?
         ORDER BY rowid LIMIT ?)`,
    );
    // As hexadecimal: one word, whatever the id is made of.
    this.#addAgents = db.prepare<[number, number]>(
      `INSERT INTO request_agents (rowid, agent) SELECT rowid, hex(agent_id) FROM requests
         WHERE rowid > ? AND rowid <= ? ORDER BY rowid`,
    );
    this.#setRequests = db.prepare<[number]>("UPDATE history_index SET requests_through = ?");
    this.#sizes = db.prepare<[number, number], { sequence: number; chars: number }>(
      `SELECT sequence, coalesce(length(message), 0) AS chars FROM requests
         WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    );
    // The first word is no text: of whom and how it ended, for lists by both. In the order of
    // rowids, which the full-text table takes in one go.
    this.#addWords = db.prepare<[number, number]>(
      `INSERT INTO outcome_words (rowid, words)
         SELECT rowid, 'x' || hex(agent_id) || state || ' ' || coalesce(code, '') || ' '
             || coalesce(message, '') FROM requests
         WHERE sequence > ? AND sequence <= ? ORDER BY rowid`,
    );
    this.#addOutcomes = db.prepare<[number, number]>(
      `INSERT OR IGNORE INTO job_outcomes SELECT DISTINCT state, job_id FROM requests
         WHERE sequence > ? AND sequence <= ?`,
    );
    this.#setOutcomes = db.prepare<[number]>("UPDATE history_index SET outcomes_through = ?");
  }

  /** Up to which outcome it goes: those behind it must not be pruned. */
  get outcomesThrough(): number {
    return this.#through().outcomes_through;
  }

  get requestsThrough(): number {
    return this.#through().requests_through;
  }

  /** Takes in a little more; false once nothing is left. Throws `STORAGE_UNAVAILABLE`. */
  step(): boolean {
    const { requests_through: requests, outcomes_through: outcomes } = this.#through();
    const lastRequest = this.#lastRequest.get(requests, stepRequests)?.through ?? requests;
    const lastOutcome = this.#lastOutcome(outcomes);
    if (lastRequest === requests && lastOutcome === outcomes) return false;
    try {
      this.#write(lastRequest, lastOutcome);
    } catch (error) {
      const text = "the index behind --agent, --status and --search cannot be written";
      const hint = "is the disk full? other lists are as ever";
      throw new WsctlError("STORAGE_UNAVAILABLE", `Cannot list this way: ${text}; ${hint}`, {
        cause: error,
      });
    }
    return true;
  }

  /** Makes it whole for a list, or throws `UNAVAILABLE` while much is missing. */
  catchUp(): void {
    for (let steps = 0; steps < stepsAtOnce; steps++) if (!this.step()) return;
    const text =
      "the index behind --agent, --status and --search is still being made; ask again in a while";
    throw new WsctlError("UNAVAILABLE", `Cannot list the jobs this way yet: ${text}`);
  }

  #write(lastRequest: number, lastOutcome: number): void {
    const { requests_through: requests, outcomes_through: outcomes } = this.#through();
    this.#db.transaction(() => {
      if (lastRequest > requests) {
        this.#addAgents.run(requests, lastRequest);
        this.#setRequests.run(lastRequest);
      }
      if (lastOutcome > outcomes) {
        this.#addWords.run(outcomes, lastOutcome);
        this.#addOutcomes.run(outcomes, lastOutcome);
        this.#setOutcomes.run(lastOutcome);
      }
    });
  }

  /** As many outcomes as have so much text together. */
  #lastOutcome(after: number): number {
    let last = after;
    let chars = 0;
    for (const row of this.#sizes.all(after, stepRequests)) {
      if (last > after && chars + row.chars > stepTextChars) break;
      chars += row.chars;
      last = row.sequence;
    }
    return last;
  }

  #through(): Progress {
    return this.#progress.get() ?? { requests_through: 0, outcomes_through: 0 };
  }
}
