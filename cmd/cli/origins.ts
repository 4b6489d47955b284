/**
 * Where the values of flags come from, if not from the command line. An error about a flag then
 * names the environment variable, or the file and the line.
 */
import { WsctlError } from "../../lib/protocol/errors.ts";

export type Env = Record<string, string | undefined>;

/** By flag, without dashes: such as `Environment variable WSCTL_PORT`. */
export type Origins = ReadonlyMap<string, string>;

/** Codes of errors whose cause may be a setting, such as an address that is not one of this host. */
const ofSettings: ReadonlySet<string> = new Set(["USAGE", "UNAVAILABLE"]);

/** Returns the error, or one that names the origins of the flags that it mentions. */
export function withOrigins(error: unknown, origins: Origins): unknown {
  if (!(error instanceof WsctlError) || !ofSettings.has(error.code)) return error;
  const [start = "", subject = ""] = /^Flag --([a-z\d-]+)/.exec(error.message) ?? [];
  const named = origins.get(subject);
  const text = named === undefined ? error.message : named + error.message.slice(start.length);
  const others = [...new Set(text.match(/--[a-z][a-z\d-]*/g) ?? [])].flatMap((flag) => {
    const origin = origins.get(flag.slice(2));
    return origin === undefined || origin === named ? [] : [`${flag} is set by ${lower(origin)}`];
  });
  if (named === undefined && others.length === 0) return error;
  const message = [text, ...others].join(". ");
  return new WsctlError(error.code, message, { cause: error });
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Variables of a command's own flags that an agent sets for the programs that it runs. */
const ofPrograms: ReadonlySet<string> = new Set(["WSCTL_COMMAND"]);

/**
 * Whether a platform or an agent set the variable, which means something else by it. Docker links
 * and Kubernetes services named `wsctl` set `WSCTL_PORT=tcp://10.0.0.1:7420` and other variables
 * of this kind; a link also sets `WSCTL_NAME=/web/wsctl`.
 */
export function isInjected(variable: string, env: Env): boolean {
  const value = env[variable] ?? "";
  if (variable === "WSCTL_NAME") return /^\/.+\/.+/.test(value);
  if (ofPrograms.has(variable)) return (env.WSCTL_REQUEST_ID ?? "") !== "";
  return variable.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//i.test(value);
}
