/** The default paths of settings and data on this host. */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { usage } from "./strictArgs.ts";

export type Env = Record<string, string | undefined>;

/** The settings of the host, which root uses. */
export const hostSettingsFile = "/etc/wsctl/config.toml";

/** The settings file, unless `--config` or `WSCTL_CONFIG` names another one. */
export function defaultSettingsFile(env: Env): string {
  if (isRoot()) return hostSettingsFile;
  // A user without a home has no settings, so the path must not exist.
  const home = homeOf() ?? "/nonexistent";
  return join(env.XDG_CONFIG_HOME ?? join(home, ".config"), "wsctl", "config.toml");
}

/**
 * The data directory, unless `--data-dir` names another one.
 * @throws {WsctlError} USAGE
 */
export function defaultDataDir(env: Env): string {
  if (isRoot()) return "/var/lib/wsctl";
  const home = homeOf();
  if (env.XDG_STATE_HOME === undefined && home === undefined) {
    const text =
      "Cannot find a home directory: HOME is unset, and the host does not know this user";
    throw usage(`${text}. Specify --data-dir`);
  }
  return join(env.XDG_STATE_HOME ?? join(home ?? "", ".local", "state"), "wsctl");
}

/** The directory of custom commands, unless `--commands-dir` names another one. */
export function defaultCommandsDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "commands.d");
}

/** The directory of services, unless `--services-dir` names another one. */
export function defaultServicesDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "services.d");
}

/** The directory of log sources, unless `--logs-dir` names another one. */
export function defaultLogsDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "logs.d");
}

/** Whether the default settings file may exist. An unreadable one counts as existing. */
export function hasSettings(env: Env): boolean {
  try {
    return statSync(defaultSettingsFile(env), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOTDIR";
  }
}

/** Returns undefined if the host does not know the user, as in many containers. */
export function homeOf(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
