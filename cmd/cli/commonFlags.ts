/** Flags that several commands take. */
import type { ArgsDef } from "citty";
import { logLevels } from "../../lib/log/log.ts";

/** Flags of every command. */
export const commonArgs = {
  config: { type: "string", valueHint: "FILE", description: "settings file (TOML)" },
  "data-dir": {
    type: "string",
    valueHint: "DIR",
    description: "directory of data and local credentials",
  },
  debug: { type: "boolean", description: "print stack traces of errors" },
} as const satisfies ArgsDef;

/** Flags of commands that use a control plane. */
export const clientArgs = {
  ...commonArgs,
  server: {
    type: "string",
    valueHint: "URL",
    description: "URL of the control plane; default: the one on this host",
  },
  "token-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the token, or - for standard input; WSCTL_TOKEN is the alternative",
  },
  ca: {
    type: "string",
    valueHint: "FILE",
    description: "file with the CA certificate to trust (PEM)",
  },
  context: {
    type: "string",
    valueHint: "NAME",
    description: "control plane of an earlier wsctl login; local: the one on this host",
  },
  json: { type: "boolean", description: "print JSON, one object per line" },
} as const satisfies ArgsDef;

/** Flags of commands that run for a long time. */
export const logArgs = {
  "log-level": {
    type: "enum",
    options: [...logLevels],
    default: "info",
    description: "minimum level of log lines",
  },
  "log-json": { type: "boolean", description: "log one JSON object per line" },
} as const satisfies ArgsDef;

export interface CommonOptions {
  "data-dir"?: string | undefined;
}

export interface ClientFlags extends CommonOptions {
  server?: string | undefined;
  "token-file"?: string | undefined;
  ca?: string | undefined;
  /** Only for operators. */
  context?: string | undefined;
}

/** The flags of a target for commands that only read. */
export const targetQueryArgs = {
  target: {
    type: "string",
    valueHint: "SELECTOR",
    description: 'selector of labels and agent attributes: "env=prod,!canary"',
  },
} as const satisfies ArgsDef;
