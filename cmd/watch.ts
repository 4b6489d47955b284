import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { defineCommand } from "citty";
import { Client } from "../lib/client/client.ts";
import { isOutput } from "../lib/client/streamCursor.ts";
import type { AgentView } from "../lib/protocol/api/views.ts";
import { errorText, WsctlError } from "../lib/protocol/errors.ts";
import { type ClientFlags, clientArgs, targetQueryArgs } from "./cli/commonFlags.ts";
import { exitFailed, exitOk, waitForSignal } from "./cli/exit.ts";
import { usage } from "./cli/strictArgs.ts";
import { isTerminal, terminalSize } from "./cli/terminal.ts";
import { findControlPlane } from "./flags/controlPlane.ts";
import { parseSeconds } from "./flags/values.ts";
import { print, printJson, remark } from "./output/stdio.ts";
import { changesBetween } from "./watch/changes.ts";
import { buildScreen, pageRows } from "./watch/screen.ts";
import {
  type Action,
  initialState,
  onKey,
  type WatchEffect,
  type WatchState,
} from "./watch/state.ts";

const intervalSecondsMin = 0.2;
/** A slow refresh is repeated less often: refreshes take at most a fifth of the time. */
const restFactor = 4;
const stdout = 1;

export default defineCommand({
  meta: {
    name: "watch",
    description: "Watch agents live; without a terminal, print one line per change",
    examples: [
      "wsctl watch",
      'wsctl watch --target "env=prod" --interval 5s',
      "wsctl watch --json",
    ],
  },
  args: {
    ...clientArgs,
    ...targetQueryArgs,
    interval: {
      type: "string",
      default: "2s",
      valueHint: "TIME",
      description: "refresh interval; longer if a refresh takes long",
    },
  },
  run: ({ args }) => watchRun(args),
});

interface WatchFlags extends ClientFlags {
  json?: boolean | undefined;
  target?: string | undefined;
  interval: string;
}

async function watchRun(flags: WatchFlags): Promise<number> {
  const seconds = parseSeconds("interval", flags.interval);
  if (seconds < intervalSecondsMin) {
    throw usage(`Flag --interval is "${flags.interval}": expected ${intervalSecondsMin}s or more`);
  }
  const client = new Client(await findControlPlane(flags));
  const which = { latency: true, ...(flags.target ? { selector: flags.target } : {}) };
  const look = () => client.agents(which);
  // A wrong token or selector is an error of the command, and not a line on the screen.
  const first = await look();
  const isWatched = isTerminal("stdout") && isTerminal("stdin");
  const end = waitForSignal(() => process.exit(exitFailed));
  if (isWatched && !flags.json && process.env.TERM !== "dumb") {
    await new Screen(client, look, seconds * 1000, end).run(first);
  } else await printChanges(first, look, seconds * 1000, flags.json ?? false, end);
  return exitOk;
}

/** Returns the next list of agents after the interval, or undefined at the end. */
async function again(
  look: () => Promise<AgentView[]>,
  waitMs: number,
  end: AbortSignal,
): Promise<{ agents: AgentView[]; tookMs: number } | undefined> {
  await sleep(waitMs, undefined, { signal: end }).catch(() => {});
  if (end.aborted) return undefined;
  const from = performance.now();
  const agents = await look();
  return { agents, tookMs: performance.now() - from };
}

async function printChanges(
  first: AgentView[],
  look: () => Promise<AgentView[]>,
  intervalMs: number,
  json: boolean,
  end: AbortSignal,
): Promise<void> {
  let known = new Map<string, AgentView>();
  let agents = first;
  let waitMs = intervalMs;
  let said = "";
  for (;;) {
    for (const change of changesBetween(known, agents, new Date().toISOString())) {
      const { at, agent, state, outcome, code } = change;
      if (json) printJson(change);
      else print([at, agent, state ?? outcome, code].filter(Boolean).join("  "));
    }
    known = new Map(agents.map((agent) => [agent.agent_id, agent]));
    for (;;) {
      try {
        const next = await again(look, waitMs, end);
        if (next === undefined) return;
        agents = next.agents;
        waitMs = Math.max(intervalMs, restFactor * next.tookMs);
        said = "";
        break;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (errorText(error) !== said) remark(errorText(error));
        said = errorText(error);
      }
    }
  }
}

/** Whether the error may be temporary, as when the control plane restarts. */
function isPassing(error: unknown): boolean {
  return error instanceof WsctlError && ["UNREACHABLE", "UNAVAILABLE"].includes(error.code);
}

/** Uses the whole terminal, and restores it at the end. */
class Screen {
  readonly #client: Client;
  readonly #read: () => Promise<AgentView[]>;
  readonly #intervalMs: number;
  readonly #end: AbortController;
  #state: WatchState = initialState;
  #drawn: string[] = [];

  constructor(
    client: Client,
    look: () => Promise<AgentView[]>,
    intervalMs: number,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#read = look;
    this.#intervalMs = intervalMs;
    this.#end = new AbortController();
    signal.addEventListener("abort", () => this.#end.abort());
  }

  async run(first: AgentView[]): Promise<void> {
    const { stdin } = process;
    const onKey = (data: Buffer) => {
      for (const key of keysIn(data.toString("utf8"))) this.#press(key);
    };
    const onResize = () => {
      this.#drawn = [];
      write("\x1b[2J");
      this.#draw();
    };
    write("\x1b[?1049h\x1b[?25l\x1b[2J");
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on("data", onKey);
    process.stdout.on("resize", onResize);
    try {
      this.#show({ ...this.#state, agents: first });
      await this.#follow();
    } finally {
      process.stdout.off("resize", onResize);
      stdin.off("data", onKey);
      stdin.setRawMode(false);
      stdin.pause();
      write("\x1b[?25h\x1b[?1049l");
    }
  }

  async #follow(): Promise<void> {
    let waitMs = this.#intervalMs;
    for (;;) {
      try {
        const next = await again(this.#read, waitMs, this.#end.signal);
        if (next === undefined) return;
        waitMs = Math.max(this.#intervalMs, restFactor * next.tookMs);
        this.#show({ ...this.#state, agents: next.agents });
      } catch (error) {
        if (!isPassing(error)) throw error;
        this.#show({ ...this.#state, message: errorText(error) });
      }
    }
  }

  #press(key: string): void {
    const { state, effect } = onKey(this.#state, key, pageRows(terminalSize("stdout")));
    this.#show(state);
    if (effect !== undefined) this.#execute(effect);
  }

  #execute(effect: WatchEffect): void {
    if (effect.type === "quit") return this.#end.abort();
    const { action, agent } = effect;
    this.#show({ ...this.#state, message: `${action} ${agent} …` });
    this.#act(action, agent).then(
      (said) => this.#show({ ...this.#state, message: said }),
      (error) => this.#show({ ...this.#state, message: errorText(error) }),
    );
  }

  async #act(action: Action, agent: string): Promise<string> {
    if (action === "drain" || action === "undrain") {
      await this.#client.drainAgent(agent, action === "drain");
      return `${agent} is ${action}ed`;
    }
    const target = { agents: [agent] };
    const { lines } = await this.#client.send({ command: action, target, require_online: true });
    for await (const line of lines) {
      if (isOutput(line)) continue;
      const { outcome, code = "", message = "", duration_ms } = line;
      return [action, agent, outcome, code, message, `(${duration_ms} ms)`]
        .filter(Boolean)
        .join(" ");
    }
    return `${action} ${agent}: no outcome`;
  }

  #show(state: WatchState): void {
    this.#state = state;
    this.#draw();
  }

  /** Draws only the lines that have changed, to limit the output on a slow terminal. */
  #draw(): void {
    if (this.#end.signal.aborted) return;
    const lines = buildScreen(this.#state, terminalSize("stdout"), Date.now());
    const text = lines
      .map((line, index) =>
        line === this.#drawn[index] ? "" : `\x1b[${index + 1};1H${line}\x1b[K`,
      )
      .join("");
    this.#drawn = lines;
    if (text !== "") write(text);
  }
}

/** Splits keys that arrive together. */
function keysIn(text: string): string[] {
  return text.match(/\x1b\[[0-9;]*[A-Za-z~]|[\s\S]/g) ?? [];
}

function write(text: string): void {
  try {
    writeSync(stdout, text);
  } catch {
    // The terminal accepts no output now; the next refresh draws it.
  }
}
