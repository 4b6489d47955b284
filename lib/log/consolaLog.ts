/**
 * The log, written with consola to stderr (consola's default is stdout for info), without
 * collapsing repeats. `createLog` is called once, in `cmd/`; all other code is passed its log.
 */
import { createConsola } from "consola";
import { escapeControls } from "../escapeControls.ts";
import type { Log, LogFields, LogLevel } from "./log.ts";
import { LogSink } from "./logSink.ts";

interface LogEntry {
  type: string;
  date: Date;
  args: unknown[];
}

export interface LogOptions {
  level: LogLevel;
  /** One JSON object per line, for log collectors. */
  json: boolean;
}

const consolaLevels: Record<LogLevel, number> = { error: 0, warn: 1, info: 3, debug: 4 };

export function createLog(options: LogOptions): Log {
  const lineOf = options.json ? jsonLine : plainLine;
  const tell = (lost: number) => {
    const text = `${lost} log lines could not be written`;
    return lineOf({ type: "warn", date: new Date(), args: [text] });
  };
  const sink = new LogSink({ stream: process.stderr, tell });
  // Consola's format is for a terminal; files and services get one line with a timestamp per entry.
  const isPlain = options.json || !process.stderr.isTTY;
  const reporters = [{ log: (entry: LogEntry) => sink.write(lineOf(entry)) }];
  const consola = createConsola({
    level: consolaLevels[options.level],
    stdout: process.stderr,
    stderr: process.stderr,
    throttle: 0,
    ...(isPlain ? { reporters } : {}),
  });
  const writer = (level: LogLevel) => {
    // Returns early for levels that are not shown: hot paths log each job at the level `debug`.
    if (consolaLevels[level] > consolaLevels[options.level]) return () => {};
    return (text: string, fields: LogFields = {}) => {
      if (options.json) consola[level](text, fields);
      // Log entries may quote untrusted text.
      else consola[level](escapeControls(withFields(text, fields)));
    };
  };
  return {
    error: writer("error"),
    warn: writer("warn"),
    info: writer("info"),
    debug: writer("debug"),
  };
}

function withFields(text: string, fields: LogFields): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [text, ...shown.map(([key, value]) => `${key}=${value}`)].join(" ");
}

function plainLine({ type, date, args }: LogEntry): string {
  // Line breaks are replaced, so that one entry cannot look like two.
  const text = String(args[0]).replaceAll(/[\r\n]+/g, " ⏎ ");
  return `${date.toISOString()} ${type.toUpperCase().padEnd(5)} ${text}\n`;
}

function jsonLine({ type, date, args }: LogEntry): string {
  const [text, fields] = args;
  return `${JSON.stringify({ time: date.toISOString(), level: type, text, ...(fields as object) })}\n`;
}
