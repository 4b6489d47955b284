/** What a row of the table is: a measure, its goals, and how it is taken. */
import type { ByContender, RoundsOptions } from "./measure.ts";

export interface Goal {
  /** In words: "at least 1.0 × NATS core". */
  text: string;
  isMet: boolean;
  /** The ratio that was measured. */
  ratio: number;
}

/** Lines of points, as a picture. */
export interface Plot {
  /** Of its file. */
  name: string;
  title: string;
  x: { name: string; isLogarithmic?: boolean };
  y: { name: string };
  lines: ReadonlyMap<string, readonly [number, number][]>;
}

export interface RowResult {
  unit: string;
  figures: ByContender;
  goals: Goal[];
  /** What else there is to say, a sentence each. */
  remarks: string[];
  plots?: Plot[];
}

export interface RowOptions extends RoundsOptions {
  isQuick: boolean;
}

export interface Row {
  number: number;
  name: string;
  measure: string;
  run(options: RowOptions): Promise<RowResult>;
}

/** A goal against another contender's median; undefined where that one did not take part. */
export function atLeast(
  metrics: ByContender,
  factor: number,
  other: string,
  own = "wsctl",
): Goal[] {
  const text = `at least ${factor} × ${other}`;
  const shown = own === "wsctl" ? text : `${own}: ${text}`;
  return against(metrics, { own, other }, shown, (ratio) => ratio >= factor);
}

export function atMost(metrics: ByContender, factor: number, other: string): Goal[] {
  const names = { own: "wsctl", other };
  return against(metrics, names, `at most ${factor} × ${other}`, (ratio) => ratio <= factor);
}

function against(
  metrics: ByContender,
  names: { own: string; other: string },
  text: string,
  isMet: (ratio: number) => boolean,
): Goal[] {
  const own = metrics.get(names.own);
  const theirs = metrics.get(names.other);
  if (own === undefined || theirs === undefined) return [];
  const ratio = own.median / theirs.median;
  return [{ text, ratio, isMet: isMet(ratio) }];
}

/** A goal for times: so many times as fast as another; none where that one did not take part. */
export function timesFaster(
  metrics: ByContender,
  factor: number,
  names: { own: string; other: string },
): Goal[] {
  const own = metrics.get(names.own);
  const theirs = metrics.get(names.other);
  if (own === undefined || theirs === undefined) return [];
  const ratio = theirs.median / own.median;
  return [
    {
      text: `${names.own}: at least ${factor} × as fast as ${names.other}`,
      ratio,
      isMet: ratio >= factor,
    },
  ];
}
