/** Where settings and data are on this host, unless flags say otherwise. */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { usage } from "./strictArgs.ts";

export type Env = Record<string, string | undefined>;

/** Where the settings are unless `--config` or `WSCTL_CONFIG` names another file. */
export function defaultSettingsFile(env: Env): string {
  if (isRoot()) return "/etc/wsctl/config.toml";
  // Somebody without a home has no settings, which is what a path that does not exist says.
  const home = homeOf() ?? "/nonexistent";
  return join(env.XDG_CONFIG_HOME ?? join(home, ".config"), "wsctl", "config.toml");
}

/** Where data is kept unless `--data-dir` names another directory. */
export function defaultDataDir(env: Env): string {
  if (isRoot()) return "/var/lib/wsctl";
  const home = homeOf();
  if (env.XDG_STATE_HOME === undefined && home === undefined) {
    const text =
      "Cannot find a home directory: HOME is unset, and the host does not know this user";
    throw usage(`${text}. Name a directory with --data-dir`);
  }
  return join(env.XDG_STATE_HOME ?? join(home ?? "", ".local", "state"), "wsctl");
}

/** Where manifests of one's own commands are, unless `--commands-dir` names another directory. */
export function defaultCommandsDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "commands.d");
}

/** Where the services that may be restarted are named, unless `--services-dir` says otherwise. */
export function defaultServicesDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "services.d");
}

/** Where the logs that may be fetched are named, unless `--logs-dir` says otherwise. */
export function defaultLogsDir(env: Env): string {
  return join(dirname(defaultSettingsFile(env)), "logs.d");
}

/** Whether there may be a settings file where they are by default: one that is hidden from us is. */
export function hasSettings(env: Env): boolean {
  try {
    return statSync(defaultSettingsFile(env), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOTDIR";
  }
}

/** Undefined for a user whom the host does not know, as in many containers. */
function homeOf(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
