/**
 * The environment of a program: that of a login of its user, and not that of the shell or the
 * service manager that started the agent.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { system } from "../../system/current.ts";

export interface Login {
  user: string;
  home: string;
  shell: string;
  isRoot: boolean;
}

/** How long an entry of the user database is used before it is read again. */
const rereadMs = 60_000;
const known = new Map<string, { login: Login | undefined; readAt: number }>();

/**
 * Returns a user of this host, the agent's own by default; undefined if the host does not know the
 * user.
 */
export function findLogin(user?: string, now = performance.now()): Login | undefined {
  const key = user ?? `${process.getuid?.() ?? ""}`;
  const entry = known.get(key);
  if (entry !== undefined && now - entry.readAt < rereadMs) return entry.login;
  const login = readEntry(key) ?? (user === undefined ? ownLogin() : undefined);
  known.set(key, { login, readAt: now });
  return login;
}

/** Returns the variables of a login; without a known user the home is `/`. */
export function loginEnvironment(login: Login | undefined): Record<string, string> {
  const { user, home = "/", shell = "/bin/sh", isRoot = process.getuid?.() === 0 } = login ?? {};
  const kept = system.passedOn.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    PATH: loginPath(isRoot),
    HOME: home,
    ...(system.hasUsers ? { SHELL: shell } : {}),
    ...(user === undefined ? {} : { USER: user, LOGNAME: user }),
  };
}

/** Returns the home of a login, or `/` if it does not exist. */
export function homeDirectory(login: Login | undefined): string {
  return login !== undefined && existsSync(login.home) ? login.home : "/";
}

/** Asks the user database of the host, which may be more than a file (getent(1)). */
function readEntry(key: string): Login | undefined {
  const { stdout } = spawnSync("getent", ["passwd", key], { encoding: "utf8" });
  const [user, , uid, , , home = "", shell = ""] = (stdout ?? "").trimEnd().split(":");
  if (user === undefined || user === "" || uid === undefined) return undefined;
  return { user, home: home || "/", shell: usableShell(shell), isRoot: uid === "0" };
}

function ownLogin(): Login | undefined {
  try {
    const { username: user, homedir: home, shell, uid } = userInfo();
    return { user, home, shell: usableShell(shell ?? ""), isRoot: uid === 0 };
  } catch {
    // The user has no entry, as in many containers.
    return undefined;
  }
}

/** The shell of a system user refuses to run commands. */
function usableShell(shell: string): string {
  return shell === "" || /\/(nologin|false)$/.test(shell) ? "/bin/sh" : shell;
}

const rootPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const userPath = "/usr/local/bin:/usr/bin:/bin";

/** The path of login(1); other platforms than Linux keep the agent's. */
function loginPath(isRoot: boolean): string {
  if (process.platform !== "linux") return process.env.PATH ?? userPath;
  const key = isRoot ? "ENV_SUPATH" : "ENV_PATH";
  let text = "";
  try {
    text = readFileSync("/etc/login.defs", "utf8");
  } catch {
    // The host has no such file, so its logins have the usual path.
  }
  const [, path] = new RegExp(`^${key}\\s+(?:PATH=)?(\\S+)`, "m").exec(text) ?? [];
  return path ?? (isRoot ? rootPath : userPath);
}
