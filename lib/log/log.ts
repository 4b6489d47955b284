/** The log interface that all code uses; `consolaLog.ts` implements it. */
export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Structured fields of a log entry. */
export type LogFields = Record<string, string | number | boolean | undefined>;
export type Log = Record<LogLevel, (text: string, fields?: LogFields) => void>;

/** A log that discards everything, for library users and tests. */
export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };
