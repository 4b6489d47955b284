/** Reference pages of what the code defines: error codes and limits. */
import { readFileSync } from "node:fs";
import * as loginLimits from "../../lib/control/auth/logins/loginLimits.ts";
import { errorCodes } from "../../lib/protocol/errors.ts";
import * as wireLimits from "../../lib/protocol/limits.ts";
import * as sessionLimits from "../../lib/protocol/sessionLimits.ts";
import { table } from "./cliPage.ts";

const limits = { ...wireLimits, ...loginLimits, ...sessionLimits };
const limitsFiles = [
  "protocol/limits.ts",
  "control/auth/logins/loginLimits.ts",
  "protocol/sessionLimits.ts",
].map((name) => new URL(`../../lib/${name}`, import.meta.url).pathname);

export function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, { http, exit, meaning }]) => [
    `\`${code}\``,
    `${http}`,
    `${exit}`,
    meaning,
  ]);
  return `# Error codes

\`npm run reference\` writes this page from \`lib/protocol/errors.ts\`, and a test compares them.

A code is the same on every hop: in a message of an agent, in an answer of the HTTP API, and in the
output of the CLI. Programs compare the code and never parse the text beside it.

${table(["Code", "HTTP status", "Exit status of the CLI", "Meaning"], rows)}
`;
}

export function limitsPage(): string {
  const source = limitsFiles.map((file) => readFileSync(file, "utf8")).join("");
  const blocks = [
    ...source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n((?:export const [^;]+;\n)+)/g),
  ];
  const rows = blocks.flatMap(([, comment = "", consts = ""]) => {
    const names = [...consts.matchAll(/export const (\w+)/g)].map(([, name = ""]) => name);
    const text = comment.replace(/\n \*/g, " ").replace(/\s+/g, " ").trim();
    return names.map((name) => [`\`${name}\``, shown(name), text]);
  });
  return `# Limits

\`npm run reference\` writes this page from \`lib/protocol/limits.ts\` and \`sessionLimits.ts\` and from
\`lib/control/auth/logins/loginLimits.ts\`, and a test compares them.

Every frame, queue, wait and output has a limit. A limit that is reached is a named error or a wait,
never a silent loss. Where a flag can change a limit, the [CLI reference](cli.md) has it.

${table(["Name", "Value", "What it limits"], rows)}
`;
}

function shown(name: string): string {
  const value = (limits as Readonly<Record<string, unknown>>)[name];
  if (typeof value !== "number") return "";
  if (/Bytes/.test(name)) return bytes(value);
  if (/Ms(Max|Min)?$/.test(name)) return duration(value / 1000);
  if (/Seconds(Default|Max|Min)?$/.test(name)) return duration(value);
  return value.toLocaleString("en-US");
}

function bytes(value: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const at = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  const scaled = value / 1024 ** at;
  return Number.isInteger(scaled)
    ? `${scaled} ${units[at]}`
    : `${value.toLocaleString("en-US")} bytes`;
}

function duration(seconds: number): string {
  const units: [string, number][] = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ];
  const unit = units.find(([, size]) => seconds >= size && seconds % size === 0);
  return unit === undefined ? `${seconds * 1000} ms` : `${seconds / unit[1]} ${unit[0]}`;
}
