/** The table of all rows, for people and as raw figures; a row that is measured again takes its place. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { version } from "../../lib/protocol/wire/version.ts";
import type { Measured } from "./measure.ts";
import { svgOf } from "./plot.ts";
import type { Row, RowResult } from "./row.ts";

/** A row as it is kept in `benchmarks.json`. */
interface RawRow {
  number: number;
  name: string;
  measure: string;
  machine: string;
  rounds: number;
  unit: string;
  figures: Record<string, Measured>;
  goals: RowResult["goals"];
  remarks: string[];
  /** Names and titles. */
  plots: Record<string, string>;
}

export interface Run {
  rounds: number;
  isQuick: boolean;
}

/** Puts the rows into `benchmarks.md`, `benchmarks.json` and their plots, beside those that stay. */
export function writePage(dir: string, results: ReadonlyMap<Row, RowResult>, run: Run): void {
  const json = join(dir, "benchmarks.json");
  const kept: RawRow[] = existsSync(json) ? JSON.parse(readFileSync(json, "utf8")).rows : [];
  const fresh = rawRows(results, run);
  const isFresh = ({ number }: RawRow) => fresh.some((row) => row.number === number);
  const rows = [...fresh, ...kept.filter((row) => !isFresh(row))];
  writeFileSync(json, `${JSON.stringify({ rows: inOrder(rows) }, null, 2)}\n`);
  writeFileSync(join(dir, "benchmarks.md"), pageText(rows));
  for (const plot of [...results.values()].flatMap(({ plots = [] }) => plots)) {
    writeFileSync(join(dir, `benchmarks-${plot.name}.svg`), svgOf(plot));
  }
}

export function rawRows(results: ReadonlyMap<Row, RowResult>, { rounds }: Run): RawRow[] {
  const machine = machineText();
  return [...results].map(([{ number, name, measure }, result]) => {
    const { unit, figures: metrics, goals, remarks, plots = [] } = result;
    return {
      ...{ number, name, measure, machine, rounds, unit, goals, remarks },
      figures: Object.fromEntries(metrics),
      plots: Object.fromEntries(plots.map((plot) => [plot.name, plot.title])),
    };
  });
}

export function pageText(rows: readonly RawRow[]): string {
  const machines = [...new Set(rows.map(({ machine }) => machine))];
  const lines = [
    "# Benchmarks",
    "",
    "By `npm run bench`: medians, and in parentheses the least and the most. Contenders take turns, in",
    "fresh processes each time (in rows 9 to 12 in the same ones). Absolute figures move from machine to",
    "machine and from hour to hour: ratios within one row are what counts. What stands in the way of a",
    "goal that is not met is in `performance.md`.",
    "",
    "The _limit_ is a bare WebSocket server of Bun that passes messages on: no HTTP, no validation, no",
    "tokens, no disk. NATS core (of Debian) and socket.io are common alternatives. None of the",
    "three stores anything. Row 14 compares wsctl with what stores what it accepts.",
    "",
    ...machines.map((machine) => `Machine: ${machine}.`),
    ...inOrder(rows).flatMap((row) => ["", ...sectionOf(row)]),
  ];
  return `${lines.join("\n")}\n`;
}

function inOrder(rows: readonly RawRow[]): RawRow[] {
  return [...rows].sort((one, other) => one.number - other.number);
}

function sectionOf({ number, measure, unit, figures: metrics, goals, remarks, plots }: RawRow) {
  const taken = Math.max(...Object.values(metrics).map(({ rounds }) => rounds.length));
  return [
    `## ${number}. ${measure}`,
    "",
    `| contender | ${unit}, ${taken === 1 ? "1 round" : `${taken} rounds`} |`,
    "| --- | --- |",
    ...Object.entries(metrics).map(([name, figure]) => `| ${name} | ${figureText(figure)} |`),
    "",
    ...goals.map(({ text, ratio, isMet }) => {
      return `- ${text}: ${ratio.toFixed(2)}, ${isMet ? "met" : "**not met**"}.`;
    }),
    ...remarks.map((remark) => `- ${remark}.`),
    ...Object.entries(plots).flatMap(([name, title]) => [
      "",
      `![${title}](benchmarks-${name}.svg)`,
    ]),
  ];
}

function figureText({ median, least, most }: Measured): string {
  return `${short(median)} (${short(least)} to ${short(most)})`;
}

function short(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

function machineText(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 1e9);
  const nats = spawnSync("nats-server", ["--version"], { encoding: "utf8" }).stdout?.trim();
  return [
    `${all.length} × ${all[0]?.model.trim() ?? "?"}`,
    `${memory} GB`,
    `${platform()} ${release()} ${arch()}`,
    `Bun ${Bun.version}`,
    `wsctl ${version}`,
    ...(nats ? [nats] : []),
  ].join(", ");
}
