/** The log that everything is handed; who makes it is `consolaLog.ts`, and nobody else. */
export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One line of text and, beside it, the facts a program would look for. */
export type LogFields = Record<string, string | number | boolean | undefined>;
export type Log = Record<LogLevel, (text: string, fields?: LogFields) => void>;

/** A log that says nothing, for library users and tests that do not look. */
export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };
