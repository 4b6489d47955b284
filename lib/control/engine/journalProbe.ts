/** Tries again and again whether a journal that could not be written can be written again. */
import type { Log } from "../../log/log.ts";
import { sentenceOf } from "../../protocol/errors.ts";
import type { Clock } from "../../time/clock.ts";
import type { OpenJournal } from "../core/model.ts";
import type { ControlJournal } from "../journal/journal.ts";

const probeMs = 1_000;

export interface JournalProbeOptions {
  journal: Pick<ControlJournal, "probe" | "open">;
  clock: Pick<Clock, "after">;
  log: Log;
  /** The journal can be written, and holds this. */
  recovered(open: OpenJournal): void;
}

export class JournalProbe {
  readonly #options: JournalProbeOptions;
  #cancel: (() => void) | undefined;

  constructor(options: JournalProbeOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel ??= this.#options.clock.after(probeMs, () => this.#probe());
  }

  cancel(): void {
    this.#cancel?.();
  }

  #probe(): void {
    const { journal, log, recovered } = this.#options;
    this.#cancel = undefined;
    let open: OpenJournal;
    try {
      journal.probe();
      open = journal.open();
    } catch (error) {
      log.debug(sentenceOf("write the journal", error));
      return this.start();
    }
    log.info("journal writable again");
    recovered(open);
  }
}
