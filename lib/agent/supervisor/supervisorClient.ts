/**
 * The agent's side of running programs: each has a directory and a supervisor of its own, which
 * outlive this process. A fresh process takes them up again by connecting to their sockets.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import type { Clock } from "../../time/clock.ts";
import type {
  OutputPiece,
  OutputSubscription,
  StopReason,
  SubscriptionRef,
} from "../core/model.ts";
import { DirectoryCleanup } from "./directoryCleanup.ts";
import { OutputSubscribers } from "./outputSubscribers.ts";
import {
  begunFile,
  endFile,
  msgRead,
  msgRelease,
  type RunEnd,
  readFileIfExists,
  type SupervisedRun,
  socketFile,
  specFile,
  subscribedFile,
  unstarted,
  writeRunFile,
} from "./runFiles.ts";

export interface RunsOptions {
  /** Where the runs' directories are. */
  dir: string;
  /** The words that start this very program. */
  self: readonly string[];
  clock: Pick<Clock, "after">;
  log: Log;
}

/** Undefined: it cannot be known how it ended. */
type RunResult = (end: RunEnd | undefined) => void;

const socketPathMax = 107;
/** A supervisor that nobody can reach after this long is none. */
const socketAppearTimeoutMs = 10_000;
const pollIntervalMs = 50;
/** What cannot be read now is read again after this long. */
const retryMs = 1_000;
/** How long the output of a program that has ended is kept for who followed it. */
const resumeReadMs = 30_000;
/** A run that nobody asks for is swept after this long. */
const orphanedAfterMs = 24 * 60 * 60 * 1000;

export class Runs {
  readonly #options: RunsOptions;
  readonly #sockets = new Map<string, Socket>();
  readonly #stopping = new Map<string, StopReason>();
  readonly #subscribers: OutputSubscribers;
  readonly #aside: FaultGuard;
  readonly #leftovers: DirectoryCleanup;
  /** Runs of this process whose supervisors have not been reached yet. */
  readonly #starting = new Set<string>();
  /**
   * Of runs that this process began: whether their supervisor runs, or else why it does not.
   */
  readonly #supervisors = new Map<string, string>();
  /** The last pieces of programs that have ended. */
  readonly #lasts = new Map<string, number>();

  /** Throws `USAGE` where a socket's path would be too long for the operating system. */
  constructor(options: RunsOptions) {
    this.#options = options;
    this.#aside = new FaultGuard(options.log);
    this.#leftovers = new DirectoryCleanup({ aside: this.#aside, clock: options.clock });
    this.#subscribers = new OutputSubscribers(
      (requestId) => this.#outputSource(requestId),
      this.#aside,
    );
    const path = join(this.runDirectory("any"), socketFile);
    if (Buffer.byteLength(path) > socketPathMax) {
      const text = `The data directory's path is too long for sockets (${path}): choose a shorter --data-dir`;
      throw new WsctlError("USAGE", text);
    }
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  }

  /** Starts a supervisor; `done` is called once, when the program has ended. */
  start(spec: SupervisedRun, done: RunResult): void {
    const { requestId } = spec;
    const dir = this.runDirectory(requestId);
    let child: ChildProcess;
    try {
      mkdirSync(dir, { mode: 0o700 });
      writeRunFile(dir, specFile, spec);
      const [file = "", ...args] = this.#options.self;
      child = spawn(file, [...args, "internal", "supervise", dir], {
        cwd: "/",
        detached: true,
        stdio: "ignore",
        env: supervisorEnv(),
      });
    } catch (error) {
      // A directory that is there already may be one of a run.
      const isKnown = (error as NodeJS.ErrnoException).code !== "EEXIST";
      const end = unstarted(`cannot prepare the run: ${errorText(error)}`);
      return void queueMicrotask(() => done(isKnown ? end : undefined));
    }
    this.#supervisors.set(requestId, "runs");
    child.once("error", (error) => {
      if (child.pid !== undefined) return;
      this.#supervisors.set(requestId, `cannot start its supervisor: ${errorText(error)}`);
    });
    child.once("exit", (code, signal) => {
      const how = signal ?? `status ${code}`;
      this.#supervisors.set(requestId, `its supervisor ended before it (${how})`);
    });
    child.unref();
    this.#starting.add(requestId);
    this.#trackRunning(requestId, done);
  }

  /** Goes on with what an earlier process of this agent started; with what it was told to run. */
  resume(requestId: string, done: (end: RunEnd | undefined, spec?: SupervisedRun) => void): void {
    const spec = this.#read<SupervisedRun>(requestId, specFile);
    if (spec === "later") {
      return void this.#options.clock.after(retryMs, () => this.resume(requestId, done));
    }
    // The process before this one died before it could begin anything, or all was taken away.
    if (spec === undefined) return queueMicrotask(() => done(undefined));
    this.#trackRunning(requestId, (end) => done(end, spec));
  }

  stop(requestId: string, why: StopReason): void {
    this.#stopping.set(requestId, why);
    this.#sockets.get(requestId)?.write(`${why}\n`);
  }

  /** Its end is in the journal; whoever followed its output may still read it to the end. */
  deleteRunDirectory(requestId: string): void {
    this.#stopping.delete(requestId);
    this.#starting.delete(requestId);
    this.#supervisors.delete(requestId);
    const dir = this.runDirectory(requestId);
    if (!existsSync(dir)) this.#subscribers.onClosed(requestId);
    const remove = () => this.#remove(requestId);
    if (existsSync(join(dir, subscribedFile))) this.#options.clock.after(resumeReadMs, remove);
    else remove();
  }

  /** Passes on what a program writes; what `emit` is given goes to that one subscriber. */
  subscribeOutput(order: OutputSubscription, emit: (piece: OutputPiece) => void): void {
    this.#subscribers.subscribe(order, emit);
  }

  /** This one has left; or all that followed did so over a connection that is lost. */
  unsubscribeOutput(left?: SubscriptionRef): void {
    if (left === undefined) this.#subscribers.onDisconnect();
    else this.#subscribers.onUnsubscribe(left.requestId, left.subscriptionId);
  }

  /** At the start: what no request asks for any more goes, unless it may still run. */
  deleteOrphanedRuns(wanted: readonly string[], now: number): void {
    const kept = new Set(wanted.map((requestId) => this.runDirectory(requestId)));
    const { dir } = this.#options;
    this.#aside.attempt(`look for old runs in "${dir}"`, () => {
      for (const name of readdirSync(dir)) {
        const run = join(dir, name);
        if (!kept.has(run)) this.#aside.attempt(`tidy up "${run}"`, () => this.#tidy(run, now));
      }
    });
  }

  #tidy(dir: string, now: number): void {
    const isOver = existsSync(join(dir, endFile));
    const isReadOn = isOver && existsSync(join(dir, subscribedFile));
    if (isReadOn) this.#options.clock.after(resumeReadMs, () => this.#leftovers.remove(dir));
    else if (isOver || now - statSync(dir).mtimeMs > orphanedAfterMs) this.#leftovers.remove(dir);
  }

  #trackRunning(requestId: string, done: RunResult): void {
    const dir = this.runDirectory(requestId);
    const giveUpAt = performance.now() + socketAppearTimeoutMs;
    let wasSeen = false;
    const look = () => {
      const supervisor = this.#supervisors.get(requestId);
      // Asked first: a supervisor that is gone has written the end before it went, or never will.
      const isGone = supervisor === undefined ? wasSeen : supervisor !== "runs";
      const end = this.#read<RunEnd>(requestId, endFile);
      if (end === "later") return void this.#options.clock.after(retryMs, look);
      const isOver = end !== undefined || isGone;
      if (isOver || (supervisor === undefined && performance.now() > giveUpAt)) {
        this.#lasts.set(requestId, end?.lastPiece ?? 0);
        this.#subscribers.onOutput(requestId);
        return done(end ?? this.#unstartedEnd(requestId));
      }
      this.#connect(requestId, dir, look, () => {
        wasSeen = true;
      });
    };
    look();
  }

  /**
   * The end of a program that certainly never began. That is known only of a supervisor that this
   * process has started, and only while the directory of the run is as it was made.
   */
  #unstartedEnd(requestId: string): RunEnd | undefined {
    const fault = this.#supervisors.get(requestId);
    const has = (file: string) => existsSync(join(this.runDirectory(requestId), file));
    const isUnstarted = fault !== undefined && has(specFile) && !has(begunFile);
    return isUnstarted ? unstarted(fault) : undefined;
  }

  /**
   * "later" where it may be there and cannot be read now, as where no file can be opened any more:
   * that tells nothing of how a program ended. What was written by somebody else counts as missing.
   */
  #read<T>(requestId: string, file: string): T | undefined | "later" {
    let found: T | undefined | "later" = "later";
    const dir = this.runDirectory(requestId);
    this.#aside.attempt(`read "${join(dir, file)}"`, () => {
      // Where none can be opened, a missing socket would tell nothing either.
      closeSync(openSync("/", "r"));
      found = readFileIfExists<T>(dir, file);
    });
    return found;
  }

  #connect(requestId: string, dir: string, again: () => void, seen: () => void): void {
    const socket = connect(join(dir, socketFile));
    socket.once("connect", () => {
      seen();
      this.#sockets.set(requestId, socket);
      const why = this.#stopping.get(requestId);
      if (why !== undefined) socket.write(`${why}\n`);
      // Who follows what an earlier process began is not known yet.
      const isFree = this.#starting.delete(requestId) && !this.#subscribers.has(requestId);
      if (isFree) socket.write(`${msgRelease}\n`);
      this.#subscribers.onOutput(requestId);
    });
    // All it ever says is that there is more output.
    socket.on("data", () => this.#subscribers.onOutput(requestId));
    // Not there yet, or gone: the close that follows decides.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#sockets.delete(requestId);
      setTimeout(again, pollIntervalMs);
    });
  }

  #outputSource(requestId: string) {
    return {
      dir: this.runDirectory(requestId),
      last: this.#lasts.get(requestId),
      onDrained: (taken: number, seen: number) => {
        this.#sockets.get(requestId)?.write(`${msgRead} ${taken} ${seen}\n`);
      },
      release: () => void this.#sockets.get(requestId)?.write(`${msgRelease}\n`),
      onSubscribed: () => writeFileSync(join(this.runDirectory(requestId), subscribedFile), ""),
    };
  }

  #remove(requestId: string): void {
    this.#lasts.delete(requestId);
    this.#leftovers.remove(this.runDirectory(requestId));
  }

  /** Request ids are a peer's own texts: no path is made of one. */
  runDirectory(requestId: string): string {
    const name = createHash("sha256").update(requestId).digest("hex").slice(0, 20);
    return join(this.#options.dir, name);
  }
}

/** Settings and tokens of the agent are nobody else's business. */
function supervisorEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("WSCTL_"));
  return Object.fromEntries(kept) as Record<string, string>;
}
