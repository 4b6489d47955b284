/**
 * The index of past requests: agents (`request_agents`), outcomes (`job_outcomes`) and words
 * (`outcome_words`). It is built asynchronously in small steps, so that accepting and ending a
 * request costs nothing more; a query completes the missing rest first. The full-text tables are
 * partitioned by age.
 */
import { WsctlError } from "../../../protocol/errors.ts";
import type { Database } from "../../../store/sqlite.ts";
import type { JobsQuery } from "../jobQuery.ts";
import { firstRequest, IndexPartitions, tableName, toPartition } from "./indexPartitions.ts";

interface IndexProgress {
  requests_through: number;
  outcomes_through: number;
}

/** The size of one step, whose transaction blocks other users of the journal. */
const stepRequests = 500;
const stepTextChars = 64 * 1024;

/**
 * The number of steps that a query completes at once, and those that its caller waits for before
 * that.
 */
const stepsAtOnce = 16;
const stepsMax = 800;

/** Whether a query uses this index. */
export function isIndexable({ agentId, search, status }: JobsQuery): boolean {
  const isEnding = status !== undefined && status !== "open";
  return agentId !== undefined || search !== undefined || isEnding;
}

/** Waits while steps are left, up to a limit. Other work runs in between. */
export async function whole(step: () => Promise<boolean>): Promise<void> {
  for (let steps = 0; steps < stepsMax && (await step()); steps++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/**
 * Completes the index for a query.
 *
 * @throws {WsctlError} UNAVAILABLE if too much is missing
 */
export function catchUp(step: () => boolean): void {
  for (let steps = 0; steps < stepsAtOnce; steps++) if (!step()) return;
  const text = "the index for --agent, --status and --search is being built. Try again later";
  throw new WsctlError("UNAVAILABLE", `Cannot list the jobs with these filters yet: ${text}`);
}

interface RowRef {
  /** The `rowid` of a request. */
  place: number;
}

interface EndedRequest extends RowRef {
  sequence: number;
  chars: number;
}

export class HistoryIndex {
  readonly partitions: IndexPartitions;
  readonly #db: Database;
  readonly #progress;
  readonly #requests;
  readonly #setRequests;
  readonly #outcomes;
  readonly #addOutcomes;
  readonly #setOutcomes;

  constructor(db: Database) {
    this.#db = db;
    this.partitions = new IndexPartitions(db);
    this.#progress = db.prepare<[], IndexProgress>("SELECT * FROM history_index");
    this.#requests = db.prepare<[number, number], { place: number }>(
      "SELECT rowid AS place FROM requests WHERE rowid > ? ORDER BY rowid LIMIT ?",
    );
    this.#setRequests = db.prepare<[number]>("UPDATE history_index SET requests_through = ?");
    this.#outcomes = db.prepare<[number, number], EndedRequest>(
      `SELECT sequence, rowid AS place, coalesce(length(message), 0) AS chars FROM requests
         WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    );
    this.#addOutcomes = db.prepare<[number, number]>(
      `INSERT OR IGNORE INTO job_outcomes SELECT DISTINCT state, job_id FROM requests
         WHERE sequence > ? AND sequence <= ?`,
    );
    this.#setOutcomes = db.prepare<[number]>("UPDATE history_index SET outcomes_through = ?");
  }

  /** The last indexed outcome; later ones must not be pruned. */
  get outcomesThrough(): number {
    return this.#through().outcomes_through;
  }

  get requestsThrough(): number {
    return this.#through().requests_through;
  }

  /**
   * Indexes a few more rows. Returns false if none is left.
   *
   * @throws {WsctlError} STORAGE_UNAVAILABLE
   */
  step(): boolean {
    const through = this.#through();
    const requests = this.#requests.all(through.requests_through, stepRequests);
    const { outcomes, isCut } = this.#nextOutcomes(through.outcomes_through);
    if (requests.length === 0 && outcomes.length === 0) return false;
    try {
      for (const { place } of [...requests, ...outcomes]) this.partitions.make(toPartition(place));
      this.#write(requests, outcomes, through);
    } catch (error) {
      const text = "the index for --agent, --status and --search cannot be written";
      const hint = "Check whether the disk is full. Other queries still work";
      throw new WsctlError(
        "STORAGE_UNAVAILABLE",
        `Cannot list the jobs with these filters: ${text}. ${hint}`,
        {
          cause: error,
        },
      );
    }
    return requests.length === stepRequests || isCut;
  }

  #write(
    requests: readonly RowRef[],
    outcomes: readonly EndedRequest[],
    through: IndexProgress,
  ): void {
    const lastRequest = requests.at(-1)?.place;
    const lastOutcome = outcomes.at(-1)?.sequence;
    this.#db.transaction(() => {
      if (lastRequest !== undefined) {
        for (const part of listPartitions(requests)) {
          this.#addAgents(part, through.requests_through, lastRequest);
        }
        this.#setRequests.run(lastRequest);
      }
      if (lastOutcome !== undefined) {
        for (const part of listPartitions(outcomes)) {
          this.#addWords(part, through.outcomes_through, lastOutcome);
        }
        this.#addOutcomes.run(through.outcomes_through, lastOutcome);
        this.#setOutcomes.run(lastOutcome);
      }
    });
  }

  /** Ids are stored as hexadecimal, so that each is one word. */
  #addAgents(part: number, after: number, through: number): void {
    const insert = this.#db.prepare<[number, number]>(
      `INSERT INTO ${tableName("request_agents", part)} (rowid, agent)
         SELECT rowid, hex(agent_id) FROM requests
         WHERE rowid > ? AND rowid <= ? ORDER BY rowid`,
    );
    const last = firstRequest(part + 1) - 1;
    insert.run(Math.max(after, firstRequest(part) - 1), Math.min(through, last));
  }

  /**
   * The first word encodes the agent and the outcome, for queries with both filters. Rows are in
   * the order of rowids, which the full-text table stores fastest.
   */
  #addWords(part: number, after: number, through: number): void {
    const insert = this.#db.prepare<[number, number, number, number]>(
      `INSERT INTO ${tableName("outcome_words", part)} (rowid, words)
         SELECT rowid, 'x' || hex(agent_id) || state || ' ' || coalesce(code, '') || ' '
             || coalesce(message, '') FROM requests INDEXED BY requests_by_sequence
         WHERE sequence > ? AND sequence <= ? AND +rowid >= ? AND +rowid < ? ORDER BY rowid`,
    );
    insert.run(after, through, firstRequest(part), firstRequest(part + 1));
  }

  /** Returns outcomes up to a total size of text, and whether there may be more. */
  #nextOutcomes(after: number): { outcomes: EndedRequest[]; isCut: boolean } {
    const rows = this.#outcomes.all(after, stepRequests);
    let chars = 0;
    const tooMany = rows.findIndex((row, index) => {
      chars += row.chars;
      return index > 0 && chars > stepTextChars;
    });
    if (tooMany !== -1) return { outcomes: rows.slice(0, tooMany), isCut: true };
    return { outcomes: rows, isCut: rows.length === stepRequests };
  }

  #through(): IndexProgress {
    return this.#progress.get() ?? { requests_through: 0, outcomes_through: 0 };
  }
}

function listPartitions(requests: readonly RowRef[]): Set<number> {
  return new Set(requests.map(({ place }) => toPartition(place)));
}
