/**
 * Shows the progress of all current transfers at a terminal: one line on stderr, which is redrawn a
 * few times per second and cleared at the end. Without a terminal nothing is shown.
 */
import { escapeControls } from "../../lib/escapeControls.ts";
import { clearLine, drawMs, type StatusLine, terminalLine } from "./statusLine.ts";

export interface Transfer {
  update(doneBytes: number, totalBytes: number): void;
  /** The transfer has ended or failed; its share of the line is removed. */
  end(): void;
}

interface State {
  name: string;
  doneBytes: number;
  totalBytes: number;
  startedAt: number;
  startBytes: number | undefined;
}

const barCells = 24;

/** Returns a progress display if stderr is a terminal. */
export function terminalProgress(): Progress {
  return new Progress(terminalLine());
}

export class Progress {
  readonly #options: StatusLine;
  readonly #transfers = new Set<State>();
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(options: StatusLine) {
    this.#options = options;
  }

  add(name: string, totalBytes: number): Transfer {
    const startedAt = this.#options.now();
    const state = { name, doneBytes: 0, totalBytes, startedAt, startBytes: undefined };
    this.#transfers.add(state);
    return {
      update: (doneBytes, total) => this.#update(state, doneBytes, total),
      end: () => {
        this.#transfers.delete(state);
        if (this.#options.isShown) this.#options.write(clearLine);
        this.#drawnAt = Number.NEGATIVE_INFINITY;
      },
    };
  }

  #update(state: State, doneBytes: number, totalBytes: number): void {
    // Bytes of an earlier attempt do not count for the speed.
    state.startBytes ??= doneBytes;
    Object.assign(state, { doneBytes, totalBytes });
    const now = this.#options.now();
    if (!this.#options.isShown || now - this.#drawnAt < drawMs) return;
    this.#drawnAt = now;
    this.#options.write(`${clearLine}${this.#line(now).slice(0, this.#options.columns() - 1)}`);
  }

  #line(now: number): string {
    const all = [...this.#transfers];
    const sum = (of: (state: State) => number) => all.reduce((total, each) => total + of(each), 0);
    const done = sum((each) => each.doneBytes);
    const total = sum((each) => each.totalBytes);
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const filled = Math.round(share * barCells);
    const bar = "#".repeat(filled).padEnd(barCells, "-");
    const startedAt = Math.min(...all.map((each) => each.startedAt));
    const moved = done - sum((each) => each.startBytes ?? each.doneBytes);
    const speed = moved / Math.max(0.001, (now - startedAt) / 1000);
    const name = all.length === 1 ? escapeControls(all[0]?.name ?? "") : `${all.length} transfers`;
    const percent = `${Math.floor(share * 100)}%`.padStart(4);
    return `${bar} ${percent}  ${formatBytes(done)} of ${formatBytes(total)}  ${formatBytes(speed)}/s  ${name}`;
  }
}

/** Formats bytes in powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${units[unit]}`;
}
