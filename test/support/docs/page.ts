/**
 * Reads the command blocks of a Markdown page, in order. `CONTRIBUTING.md` describes the notation.
 */

/** A command with the lines that it prints. */
export interface Step {
  command: string;
  expected: string[];
  /** The line of the page, from 1. */
  line: number;
}

export interface CommandBlock {
  kind: "run" | "background" | "not-run";
  line: number;
  steps: Step[];
  /** The host whose terminal it is typed at. */
  host: string;
  /** How a background block is called by a `stop` comment. */
  name: string;
  /** Why a test cannot run it. */
  reason: string;
  /** The exit status of the last command. */
  exit: number;
  /** The lines may come in any order. */
  isUnordered: boolean;
  /** The volatile classes that hold here. */
  volatile: string[];
}

export interface FileBlock {
  kind: "file";
  line: number;
  path: string;
  host: string;
  text: string;
}

export interface StopMark {
  kind: "stop";
  line: number;
  name: string;
}

/** A file that the page copies in a block that a test cannot run. */
export interface CopyMark {
  kind: "copy";
  line: number;
  from: string;
  host: string;
  to: string;
}

export type Part = CommandBlock | FileBlock | StopMark | CopyMark;

/** Fences that hold something to type; each must be in the notation that a test can run. */
const shellLanguages = new Set(["sh", "bash", "shell", "zsh", "fish", "console", "text-session"]);

/** Returns the parts of a page. @throws {Error} where a block does not follow the notation. */
export function readPage(markdown: string): Part[] {
  const lines = markdown.split("\n");
  const parts: Part[] = [];
  let volatile: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const text = lines[at] ?? "";
    const comment = /^\s*<!-- (volatile|stop|copy): (.*) -->$/.exec(text);
    if (comment?.[1] === "volatile") volatile = words(comment[2] ?? "");
    if (comment?.[1] === "stop") {
      parts.push({ kind: "stop", line: at + 1, name: (comment[2] ?? "").trim() });
    }
    if (comment?.[1] === "copy") {
      const [from = "", host = "", to = ""] = (comment[2] ?? "").split(/[ :]/);
      parts.push({ kind: "copy", line: at + 1, from, host, to });
    }
    const fence = /^(\s*)(`{3,})(.*)$/.exec(text);
    if (fence === null) continue;
    const [, indent = "", ticks = "", info = ""] = fence;
    const end = lines.findIndex((line, index) => index > at && line === indent + ticks);
    if (end < 0) throw new Error(`line ${at + 1}: the block does not end`);
    const body = lines.slice(at + 1, end).map((line) => line.slice(indent.length));
    const part = blockOf(info, body, at + 1, volatile);
    if (part !== undefined) parts.push(part);
    at = end;
  }
  return parts;
}

function blockOf(info: string, body: string[], line: number, volatile: string[]): Part | undefined {
  const [language = ""] = words(info);
  const value = (name: string) =>
    new RegExp(`\\s${name}=(?:"([^"]*)"|(\\S+))`).exec(info)?.slice(1).find(Boolean);
  const has = (name: string) => words(info).includes(name);
  const path = value("file");
  const host = value("host") ?? "";
  if (path !== undefined) return { kind: "file", line, path, host, text: `${body.join("\n")}\n` };
  if (!shellLanguages.has(language)) return undefined;
  if (language !== "console") throw new Error(`line ${line}: write \`\`\`console, not ${language}`);
  const reason = value("not-run");
  const steps = stepsOf(body, line, reason !== undefined);
  const kind = reason !== undefined ? "not-run" : has("background") ? "background" : "run";
  if (kind === "background" && steps.length !== 1) {
    throw new Error(`line ${line}: a background block has one command`);
  }
  const name = value("name") ?? words(steps[0]?.command ?? "")[1] ?? "";
  const exit = Number(value("exit") ?? 0);
  const isUnordered = has("unordered");
  return { kind, line, steps, host, name, reason: reason ?? "", exit, isUnordered, volatile };
}

/** Lines with `$ ` are commands, which a backslash continues; the rest is what they print. */
function stepsOf(body: string[], line: number, isFree: boolean): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < body.length; at++) {
    const text = body[at] ?? "";
    const step = steps.at(-1);
    if (/^[$#] /.test(text) && (text.startsWith("$") || isFree)) {
      let command = text.slice(2);
      const start = line + at + 1;
      while (command.endsWith("\\")) command += `\n${body[++at] ?? ""}`;
      steps.push({ command, expected: [], line: start });
    } else if (step === undefined) {
      throw new Error(`line ${line + at + 1}: a command starts with "$ "`);
    } else step.expected.push(text);
  }
  return steps;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
