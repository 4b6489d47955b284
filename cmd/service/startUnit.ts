/** Starts a unit with systemctl and checks that its process stays, and stops one. */
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";

/** A process that runs for this long has read its flags and its files, and listens. */
const stableMs = 2_000;
const timeoutMs = 15_000;
const pollMs = 200;
const journalLines = 5;

/**
 * Enables a unit and starts it, or restarts it with its present flags. Returns the process id.
 * @param path The file of the unit.
 * @param isUnchanged A process of the unit already has the present flags.
 * @throws {WsctlError} INTERNAL if the process does not stay, with the end of its log.
 */
export async function startUnit(name: string, path: string, isUnchanged: boolean): Promise<number> {
  const start = isUnchanged ? "start" : "restart";
  for (const words of [["daemon-reload"], ["enable", name], [start, name]]) {
    const fault = systemctl(words).fault;
    if (fault !== undefined) throw failed(name, path, `systemctl ${words.join(" ")}: ${fault}`);
  }
  const until = performance.now() + timeoutMs;
  let pid = 0;
  let since = performance.now();
  while (performance.now() < until) {
    const state = unitState(name);
    const isUp = state.ActiveState === "active" && state.MainPID !== "0";
    if (isUp && pid === 0) [pid, since] = [Number(state.MainPID), performance.now()];
    const hasEnded = pid !== 0 ? Number(state.MainPID) !== pid : state.SubState === "auto-restart";
    if (hasEnded || state.ActiveState === "failed") {
      throw failed(name, path, `its process ended with status ${state.ExecMainStatus}`);
    }
    if (isUp && performance.now() - since >= stableMs) return pid;
    await sleep(pollMs);
  }
  throw failed(name, path, `it is not active after ${timeoutMs / 1000} s`);
}

/**
 * Stops and disables a unit.
 * @throws {WsctlError} INTERNAL if it still runs
 */
export function stopUnit(name: string, path: string): void {
  const { fault } = systemctl(["disable", "--now", name]);
  const { ActiveState: state } = unitState(name);
  if (fault === undefined && (state === "inactive" || state === "failed")) return;
  const why = fault ?? `it is ${state}`;
  throw new WsctlError("INTERNAL", `Cannot stop "${name}" of "${path}": ${why}`);
}

/** Tells systemd that the file of a unit is gone. @throws {WsctlError} INTERNAL */
export function reloadUnits(name: string, path: string): void {
  const { fault } = systemctl(["daemon-reload"]);
  if (fault === undefined) return;
  throw new WsctlError("INTERNAL", `Cannot unload "${name}" of "${path}": ${fault}`);
}

type UnitState = Record<"ActiveState" | "SubState" | "MainPID" | "ExecMainStatus", string>;

function unitState(name: string): Partial<UnitState> {
  const properties = "ActiveState,SubState,MainPID,ExecMainStatus";
  const { text } = systemctl(["show", name, `--property=${properties}`]);
  const lines = text.split("\n").map((line) => line.split("=", 2));
  return Object.fromEntries(lines);
}

function systemctl(words: string[]): { text: string; fault: string | undefined } {
  const done = spawnSync("systemctl", words, { encoding: "utf8" });
  const text = done.stdout ?? "";
  if (done.status === 0) return { text, fault: undefined };
  return { text, fault: done.error === undefined ? done.stderr.trim() : errorText(done.error) };
}

function failed(name: string, path: string, why: string): WsctlError {
  const log = lastLines(name);
  const text = `Cannot start "${name}": ${why}. The unit is in "${path}". Correct its flags and install it again, or disable it: systemctl disable --now ${name}`;
  return new WsctlError("INTERNAL", log === "" ? text : `${text}\n${log}`);
}

/** The last lines that the process of a unit wrote, or what systemd says of it. */
function lastLines(name: string): string {
  const { text: invocation } = systemctl(["show", name, "--property=InvocationID", "--value"]);
  for (const match of [`_SYSTEMD_INVOCATION_ID=${invocation.trim()}`, `--unit=${name}`]) {
    const flags = [`--lines=${journalLines}`, "--output=cat", "--no-pager", "--quiet"];
    const { stdout } = spawnSync("journalctl", [match, ...flags], { encoding: "utf8" });
    const lines = (stdout ?? "").trim();
    if (lines !== "") return lines;
  }
  return "";
}
