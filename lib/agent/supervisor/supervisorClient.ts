/**
 * The agent's side of running programs. Each has a directory and a supervisor, which outlive the
 * agent's process. The next process resumes them by a connection to their sockets.
 */
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { FaultGuard } from "../../log/faultGuard.ts";
import type { Log } from "../../log/log.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { system } from "../../system/current.ts";
import type { Clock } from "../../time/clock.ts";
import type {
  OutputPiece,
  OutputSubscription,
  StopReason,
  SubscriptionRef,
} from "../core/model.ts";
import { DirectoryCleanup } from "./directoryCleanup.ts";
import { deleteOrphanedRuns } from "./orphanedRuns.ts";
import { OutputRetention } from "./output/outputRetention.ts";
import { type OutputSource, OutputSubscribers } from "./output/outputSubscribers.ts";
import {
  isOnlyPrepared,
  openRunDirectory,
  prepareRunDirectory,
  removePrepared,
  takeStart,
} from "./runDirectory.ts";
import {
  endFile,
  msgRead,
  msgRelease,
  type RunEnd,
  readFileIfExists,
  type SupervisedRun,
  specFile,
  subscribedFile,
  unstarted,
} from "./runFiles.ts";
import { spawnSupervisor } from "./spawnSupervisor.ts";

export interface RunsOptions {
  /** The directory that contains the directories of the runs. */
  dir: string;
  /** The command line that starts this program. */
  self: readonly string[];
  clock: Pick<Clock, "after">;
  log: Log;
}

/** Called with undefined if it is not known how the program ended. */
type RunResult = (end: RunEnd | undefined) => void;

const endedEarly = "the agent's process ended before the program could start";
/** A supervisor that cannot be reached for this long counts as ended. */
const socketAppearTimeoutMs = 10_000;
const pollIntervalMs = 50;
/** The delay before a failed read is repeated. */
const retryMs = 1_000;

export class Runs {
  readonly #options: RunsOptions;
  readonly #sockets = new Map<string, Socket>();
  readonly #stopping = new Map<string, StopReason>();
  readonly #subscribers: OutputSubscribers;
  readonly #guard: FaultGuard;
  readonly #leftovers: DirectoryCleanup;
  readonly #retention: OutputRetention;
  /** Runs of this process whose supervisors have not been reached. */
  readonly #starting = new Set<string>();
  /** For runs that this process started: whether the supervisor runs, otherwise why it does not. */
  readonly #supervisors = new Map<string, string>();
  /** Runs whose end is awaited. */
  readonly #tracked = new Set<string>();

  /** @throws {WsctlError} USAGE if a socket's path would be too long for the operating system. */
  constructor(options: RunsOptions) {
    this.#options = options;
    this.#guard = new FaultGuard(options.log);
    this.#leftovers = new DirectoryCleanup({ guard: this.#guard, clock: options.clock });
    const remove = (dir: string) => this.#leftovers.remove(dir);
    this.#retention = new OutputRetention({ clock: options.clock, remove });
    this.#subscribers = new OutputSubscribers(
      (requestId) => this.#outputSource(requestId),
      this.#guard,
    );
    const path = system.runAddress(this.runDirectory("any"));
    if (Buffer.byteLength(path) > system.runAddressBytesMax) {
      const text = `The path of the data directory is too long for sockets (${path}). Use a shorter --data-dir`;
      throw new WsctlError("USAGE", text);
    }
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  }

  /** Called before it is stored that the program of a request starts. */
  prepare(requestId: string): void {
    prepareRunDirectory(this.runDirectory(requestId));
  }

  /** Starts a supervisor; `done` is called once, when the program has ended. */
  start(spec: SupervisedRun, done: RunResult): void {
    const { requestId } = spec;
    const dir = this.runDirectory(requestId);
    let child: ChildProcess;
    try {
      if (!openRunDirectory(dir, spec)) return queueMicrotask(() => done(undefined));
      child = spawnSupervisor(this.#options.self, dir);
    } catch (error) {
      const end = unstarted(`cannot prepare the run: ${errorText(error)}`);
      return queueMicrotask(() => done(end));
    }
    this.#supervisors.set(requestId, "runs");
    child.once("error", (error) => {
      if (child.pid !== undefined) return;
      this.#supervisors.set(requestId, `cannot start the supervisor: ${errorText(error)}`);
    });
    child.once("exit", (code, signal) => {
      const how = signal ?? `status ${code}`;
      this.#supervisors.set(requestId, `the supervisor ended before the program started (${how})`);
    });
    child.unref();
    this.#starting.add(requestId);
    this.#trackRunning(requestId, done);
  }

  /**
   * Resumes a run that an earlier process of this agent started; `done` also gets its
   * specification.
   */
  resume(requestId: string, done: (end: RunEnd | undefined, spec?: SupervisedRun) => void): void {
    const spec = this.#read<SupervisedRun>(requestId, specFile);
    if (spec === "later") {
      this.#tracked.add(requestId);
      return void this.#options.clock.after(retryMs, () => this.resume(requestId, done));
    }
    // The earlier process ended before it could start the run, or the directory was deleted.
    if (spec === undefined) {
      this.#tracked.delete(requestId);
      const isUnstarted = isOnlyPrepared(this.runDirectory(requestId));
      return queueMicrotask(() => done(isUnstarted ? unstarted(endedEarly) : undefined));
    }
    this.#trackRunning(requestId, (end) => done(end, spec));
  }

  stop(requestId: string, why: StopReason): void {
    this.#stopping.set(requestId, why);
    this.#sockets.get(requestId)?.write(`${why}\n`);
  }

  /** The end of the run is stored; its subscribers may still read the output to the end. */
  deleteRunDirectory(requestId: string): void {
    this.#stopping.delete(requestId);
    this.#starting.delete(requestId);
    this.#supervisors.delete(requestId);
    const dir = this.runDirectory(requestId);
    this.#deleteFetched(requestId);
    this.#guard.attempt(`remove what was prepared for "${dir}"`, () => removePrepared(dir));
    if (!existsSync(dir)) this.#subscribers.onClosed(requestId);
    if (existsSync(join(dir, subscribedFile))) this.#retention.keep(dir);
    else this.#leftovers.remove(dir);
  }

  /** Forwards the output of a program; `emit` sends to this subscriber only. */
  subscribeOutput(subscription: OutputSubscription, emit: (piece: OutputPiece) => void): void {
    this.#subscribers.subscribe(subscription, emit);
  }

  /** Ends one subscription, or all of them if the connection is lost. */
  unsubscribeOutput(left?: SubscriptionRef): void {
    if (left === undefined) return this.#subscribers.onDisconnect();
    const { requestId, subscriptionId } = left;
    const isOpen = this.#subscribers.onUnsubscribe(requestId, subscriptionId);
    // The subscription had already ended with the output: this confirms it.
    if (!isOpen) this.#retention.onRead(this.runDirectory(requestId));
  }

  /** Deletes runs at the start that no request needs, unless they may still run. */
  deleteOrphanedRuns(wanted: readonly string[], now: number): void {
    const kept = new Set(wanted.map((requestId) => this.runDirectory(requestId)));
    const parts = { guard: this.#guard, retention: this.#retention, leftovers: this.#leftovers };
    deleteOrphanedRuns(this.#options.dir, kept, { ...parts, now });
  }

  #trackRunning(requestId: string, done: RunResult): void {
    this.#tracked.add(requestId);
    const dir = this.runDirectory(requestId);
    const giveUpAt = performance.now() + socketAppearTimeoutMs;
    let wasSeen = false;
    const look = () => {
      const supervisor = this.#supervisors.get(requestId);
      // Checked first: a supervisor writes the end of the run before it ends, or never.
      const isGone = supervisor === undefined ? wasSeen : supervisor !== "runs";
      const end = this.#read<RunEnd>(requestId, endFile);
      if (end === "later") return void this.#options.clock.after(retryMs, look);
      const isOver = end !== undefined || isGone;
      if (isOver || (supervisor === undefined && performance.now() > giveUpAt)) {
        this.#tracked.delete(requestId);
        this.#subscribers.onOutput(requestId);
        this.#deleteFetched(requestId);
        return done(end ?? this.#unstartedEnd(requestId));
      }
      this.#connect(requestId, dir, look, () => {
        wasSeen = true;
      });
    };
    look();
  }

  /** The program has ended, so the files that were fetched for it are not used any more. */
  #deleteFetched(requestId: string): void {
    const spec = this.#read<SupervisedRun>(requestId, specFile);
    if (spec === undefined || spec === "later" || spec.fetching === undefined) return;
    this.#leftovers.remove(spec.fetching.dir);
  }

  /**
   * Returns the end of a program that did not start, and that no supervisor can start any more.
   * This is known only while the directory of the run is unchanged.
   */
  #unstartedEnd(requestId: string): RunEnd | undefined {
    const dir = this.runDirectory(requestId);
    let isUnstarted = false;
    this.#guard.attempt(`give up the start of "${dir}"`, () => {
      isUnstarted = existsSync(join(dir, specFile)) && takeStart(dir);
    });
    return isUnstarted ? unstarted(this.#supervisors.get(requestId) ?? endedEarly) : undefined;
  }

  /**
   * Reads a file of a run. Returns "later" if it may exist and cannot be read now, for example
   * because no file can be opened; this says nothing about the end of the program. A file that
   * another user wrote counts as missing.
   */
  #read<T>(requestId: string, file: string): T | undefined | "later" {
    let found: T | undefined | "later" = "later";
    const dir = this.runDirectory(requestId);
    this.#guard.attempt(`read "${join(dir, file)}"`, () => {
      // If no file can be opened, a missing socket says nothing either.
      closeSync(openSync(system.readablePath, "r"));
      found = readFileIfExists<T>(dir, file);
    });
    return found;
  }

  #connect(requestId: string, dir: string, again: () => void, seen: () => void): void {
    const socket = connect(system.runAddress(dir));
    socket.once("connect", () => {
      seen();
      this.#sockets.set(requestId, socket);
      const why = this.#stopping.get(requestId);
      if (why !== undefined) socket.write(`${why}\n`);
      // It is not known whether a run of an earlier process has subscribers.
      const isFree = this.#starting.delete(requestId) && !this.#subscribers.has(requestId);
      if (isFree) socket.write(`${msgRelease}\n`);
      this.#subscribers.onOutput(requestId);
    });
    // The supervisor only sends notifications of more output.
    socket.on("data", () => this.#subscribers.onOutput(requestId));
    // The socket does not exist yet, or no longer; the close event handles both.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#sockets.delete(requestId);
      setTimeout(again, pollIntervalMs);
    });
  }

  /** The sequence of the last chunk of an ended program, also of an earlier process of the agent. */
  #last(requestId: string): OutputSource["last"] {
    if (this.#tracked.has(requestId)) return undefined;
    const end = this.#read<RunEnd>(requestId, endFile);
    return end === "later" ? undefined : (end?.lastPiece ?? "unknown");
  }

  #outputSource(requestId: string) {
    return {
      dir: this.runDirectory(requestId),
      last: this.#last(requestId),
      onDrained: (taken: number, seen: number) => {
        this.#sockets.get(requestId)?.write(`${msgRead} ${taken} ${seen}\n`);
      },
      release: () => void this.#sockets.get(requestId)?.write(`${msgRelease}\n`),
      onSubscribed: () => writeFileSync(join(this.runDirectory(requestId), subscribedFile), ""),
    };
  }

  /** Request ids are texts of the peer, so they are hashed for the path. */
  runDirectory(requestId: string): string {
    const name = createHash("sha256").update(requestId).digest("hex").slice(0, 20);
    return join(this.#options.dir, name);
  }
}
