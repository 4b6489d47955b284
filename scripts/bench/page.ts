/** The table of a run, for people and as raw figures. */
import { spawnSync } from "node:child_process";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { version } from "../../lib/protocol/version.ts";
import type { Measured } from "./measure.ts";
import type { Row, RowResult } from "./row.ts";

export async function pageOf(
  measured: ReadonlyMap<Row, RowResult>,
  { rounds, isQuick }: { rounds: number; isQuick: boolean },
): Promise<{ text: string; raw: object }> {
  const results = [...measured].sort(([one], [other]) => one.number - other.number);
  const machine = machineText();
  const lines = [
    "# Benchmarks",
    "",
    `One run of \`npm run bench${isQuick ? " -- --quick" : ""}\` on one machine: ${machine}. ${rounds} rounds, each in`,
    "fresh processes, in turning order; medians, and in parentheses the least and the most. Absolute",
    "figures move from machine to machine and from run to run: ratios within one run are what counts.",
  ];
  for (const [row, result] of results) lines.push("", ...sectionOf(row, result));
  const raw = results.map(([{ number, name, measure }, { unit, figures, goals, remarks }]) => {
    return { number, name, measure, unit, figures: Object.fromEntries(figures), goals, remarks };
  });
  return { text: `${lines.join("\n")}\n`, raw: { machine, rounds, rows: raw } };
}

function sectionOf(
  { number, measure }: Row,
  { unit, figures, goals, remarks, plots = [] }: RowResult,
): string[] {
  return [
    `## ${number}. ${measure}`,
    "",
    `| contender | ${unit} |`,
    "| --- | --- |",
    ...[...figures].map(([name, figure]) => `| ${name} | ${figureText(figure)} |`),
    "",
    ...goals.map(({ text, ratio, isMet }) => {
      return `- ${text}: ${ratio.toFixed(2)}, ${isMet ? "met" : "**not met**"}.`;
    }),
    ...remarks.map((remark) => `- ${remark}.`),
    ...plots.flatMap(({ name, title }) => ["", `![${title}](benchmarks-${name}.svg)`]),
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
