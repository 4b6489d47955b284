/** Flags that many commands take. */
import type { ArgsDef } from "citty";
import { logLevels } from "../../lib/log/log.ts";

/** Every command takes these. */
export const commonArgs = {
  config: { type: "string", valueHint: "FILE", description: "settings file (TOML)" },
  "data-dir": {
    type: "string",
    valueHint: "DIR",
    description: "where data and local credentials are kept",
  },
  debug: { type: "boolean", description: "show where an error comes from" },
} as const satisfies ArgsDef;

/** Commands that ask a control plane take these. */
export const clientArgs = {
  ...commonArgs,
  server: {
    type: "string",
    valueHint: "URL",
    description: "control plane; by default the one on this host",
  },
  "token-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the token, - for standard input (or WSCTL_TOKEN)",
  },
  ca: {
    type: "string",
    valueHint: "FILE",
    description: "certificate authority to trust, PEM",
  },
  json: { type: "boolean", description: "print JSON, one object a line" },
} as const satisfies ArgsDef;

/** Commands that run for long take these. */
export const logArgs = {
  "log-level": {
    type: "enum",
    options: [...logLevels],
    default: "info",
    description: "what to log",
  },
  "log-json": { type: "boolean", description: "log one JSON object a line" },
} as const satisfies ArgsDef;

export interface CommonOptions {
  "data-dir"?: string | undefined;
}

export interface ClientFlags extends CommonOptions {
  server?: string | undefined;
  "token-file"?: string | undefined;
  ca?: string | undefined;
}
