/** Where settings and data are on this host, unless flags say otherwise. */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

export type Env = Record<string, string | undefined>;

/** Where the settings are unless `--config` or `WSCTL_CONFIG` names another file. */
export function defaultSettingsFile(env: Env): string {
  if (isRoot()) return "/etc/wsctl/config.toml";
  return join(env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "wsctl", "config.toml");
}

/** Where data is kept unless `--data-dir` names another directory. */
export function defaultDataDir(env: Env): string {
  if (isRoot()) return "/var/lib/wsctl";
  return join(env.XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "wsctl");
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

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
