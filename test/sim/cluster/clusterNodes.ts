/** The hosts of the nodes of a cluster, and the product's own node on each. */
import { ClusterNode, type ClusterNodeControl } from "../../../lib/cluster/clusterNode.ts";
import type { CopyFiles } from "../../../lib/cluster/copy/copyFiles.ts";
import { withLazySync } from "../../../lib/cluster/copy/lazySync.ts";
import { ReplicatedLog } from "../../../lib/cluster/copy/replicatedLog.ts";
import type { ForwarderOptions } from "../../../lib/cluster/forward/forwarder.ts";
import type { NodeParts } from "../../../lib/cluster/nodeParts.ts";
import type { ControlWrite } from "../../../lib/control/core/model.ts";
import { encodeFact, parseEntry, toFact } from "../../../lib/control/journal/entries.ts";
import type { ControlJournal } from "../../../lib/control/journal/journal.ts";
import { outcomeSequences } from "../../../lib/control/journal/outcomeWrites.ts";
import type { Recorder } from "../../../lib/control/journal/recorder.ts";
import type { ControlOptions } from "../../../lib/control/start.ts";
import { headName } from "../../../lib/store/log/storage.ts";
import { ControlRecords } from "../controlRecords.ts";
import { toWrite } from "../controlWrites.ts";
import { FaultyStorage } from "../faultyStorage.ts";
import { ControlProcess } from "../nodes.ts";
import { recordsJournal } from "../recordsJournal.ts";
import { ProcessClock } from "../time.ts";
import type { ClusterWorld } from "./clusterWorld.ts";
import { Cable, NatsLink } from "./natsLink.ts";
import { SimNats } from "./simNats.ts";

const segmentBytes = { first: 8192, max: 8192 };
const logId = "ab".repeat(16);
const drainMs = 3_000;

type Forward = Pick<ForwarderOptions, "leader" | "leaderGone">;

export class NodeHost {
  readonly name: string;
  readonly cable = new Cable();
  readonly #world: ClusterWorld;
  #storage = new FaultyStorage();
  #running: ClusterNodeControl | undefined;
  clock: ProcessClock | undefined;
  /** While its process follows. */
  forward: Forward | undefined;
  /** While its process leads, or believes so. */
  leading: ControlProcess | undefined;
  copy: ReplicatedLog | undefined;
  /** By how much its system's clock is ahead of the world's time. */
  aheadMs = 0;
  isStopping = false;

  constructor(world: ClusterWorld, index: number) {
    this.#world = world;
    this.name = `n${index}`;
  }

  get isUp(): boolean {
    return this.clock?.isAlive === true;
  }

  get isPaused(): boolean {
    return (this.clock?.pausedUntil ?? 0) > this.#world.time.now;
  }

  /** Whether it serves anybody now. */
  get isServing(): boolean {
    return this.isUp && !this.isPaused && (this.leading ?? this.forward) !== undefined;
  }

  start(): void {
    const world = this.#world;
    const { time, random, nats: server } = world;
    const clock = new ProcessClock(time, () => this.aheadMs);
    this.clock = clock;
    this.isStopping = false;
    const delayMs = () => random.int(1, 4);
    const unit = () => random.unit();
    const { cable } = this;
    const link = new NatsLink({ time, clock, cable, server, delayMs, random: unit });
    const nats = new SimNats({ time, clock, link, server });
    const settings = { servers: ["nats://127.0.0.1"], cluster: "wsctl", node: this.name };
    const options = { clock, log: world.logOf(this.name), port: 0, dataDir: this.name };
    const state = { server: "simulated", version: "0", replicas: 3 };
    const authority = { cert: "", key: "" };
    const shared = { log_id: logId, node_secret: "", local_token: "", authority };
    const opened = { nats, state, shared };
    world.trace(`${this.name} starts`);
    const run = async () => {
      await nats.start(settings);
      const node = new ClusterNode(
        options as unknown as ControlOptions,
        settings,
        opened,
        this.#parts(clock, nats),
      );
      const running = await node.start();
      this.#running = running;
      this.#fails(clock, await running.failed);
    };
    clock.run(() => void run().catch((error) => this.#fails(clock, error)));
  }

  #fails(clock: ProcessClock, error: unknown): void {
    // What the dead do counts for nothing.
    if (!clock.isAlive) return;
    this.#world.ledger.holds(false, () => `${this.name} cannot go on: ${error}`);
  }

  /** Stops in order, as an operator does it before an upgrade. */
  stop(awayMs: number): void {
    const { clock } = this;
    if (clock === undefined || !clock.isAlive || this.isStopping) return;
    this.isStopping = true;
    const stopped = () => {
      if (clock.isAlive) this.die("stopped", awayMs);
    };
    clock.run(() => void this.#running?.close().then(stopped, stopped));
    this.#world.time.after(20_000, stopped);
  }

  /** The process is gone. With the power, what was not synced may be gone, too. */
  die(why: string, awayMs: number, isPowerCut = false): void {
    const { clock } = this;
    const world = this.#world;
    if (clock === undefined || !clock.isAlive) return;
    clock.isAlive = false;
    world.trace(`${this.name} dies (${why})`);
    const random = () => world.random.unit();
    this.#storage = isPowerCut
      ? this.#storage.afterPowerFailure(random)
      : this.#storage.afterKill();
    this.#running = undefined;
    this.forward = undefined;
    this.leading = undefined;
    world.nodeDied(this);
    world.time.after(awayMs, () => this.start());
  }

  pause(until: number): void {
    const { clock } = this;
    if (clock === undefined) return;
    clock.pausedUntil = Math.max(clock.pausedUntil, until);
    this.#world.nodePaused(this, until);
  }

  #parts(clock: ProcessClock, nats: SimNats): NodeParts {
    const world = this.#world;
    return {
      openServer: async (_options, forward) => {
        this.forward = forward;
        forward.leaderGone();
        return {
          port: 1,
          localUrl: "http://127.0.0.1:1",
          publicUrl: "http://127.0.0.1:1",
          nodeAddress: { url: "http://127.0.0.1:1" },
          agentCount: 0,
          writeLocalFile: () => {},
          drain: async () => {},
          close: async () => {
            this.forward = undefined;
            world.cutEntered(this);
          },
        };
      },
      copyFiles: () => this.#files(clock, nats),
      startControl: async ({ seat }) => {
        const process = new ControlProcess(world, clock, seat?.journal as ControlJournal);
        this.leading = process;
        world.nodeLeads(process);
        return {
          ...{ url: "", publicUrl: "", port: 1 },
          failed: new Promise(() => {}),
          close: async (timeoutMs = drainMs) => {
            await process.engine.drain(timeoutMs);
            process.engine.close();
            if (this.leading === process) this.leading = undefined;
          },
        };
      },
    };
  }

  #files(clock: ProcessClock, nats: SimNats): CopyFiles {
    const world = this.#world;
    const remove = () => {
      this.#storage = new FaultyStorage();
    };
    return {
      remove,
      setAside: () => {
        world.met("damaged copy replaced");
        remove();
        return "aside";
      },
      open: ({ sequence, digest }) => {
        if (!this.#storage.list().includes(headName)) remove();
        const records = new ControlRecords();
        let batch: ControlWrite[] = [];
        const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
        const copy = new ReplicatedLog(nats, {
          storage: withLazySync(this.#storage),
          owner: "controlPlane",
          segmentBytes,
          clock,
          copyOf: { logId: bytes(logId), origin: { sequence, digest: bytes(digest) } },
          onEntry: ({ line, sequence: at, isLast }) => {
            batch.push(toWrite(parseEntry(line)));
            if (!isLast) return;
            records.apply(batch, at - batch.length + 1);
            batch = [];
          },
        });
        this.copy = copy;
        return { copy, journal: journalOf(records, copy, clock) };
      },
    };
  }
}

function journalOf(
  records: ControlRecords,
  copy: ReplicatedLog,
  clock: ProcessClock,
): ControlJournal {
  const append = (writes: ControlWrite[], done: (error?: unknown) => void) => {
    const lines = writes.map((write) => encodeFact(toFact(write), clock.wall()));
    const { place, isDurable } = copy.append(lines, (error) => {
      if (error === undefined) records.apply(writes, place.sequence);
      done(error);
    });
    return { first: place.sequence, isDurable };
  };
  const recordNow = (writes: ControlWrite[]) => {
    let failure: unknown;
    copy.settle();
    const { first } = append(writes, (error) => {
      failure = error;
    });
    copy.settle();
    if (failure !== undefined) throw failure;
    return first;
  };
  const resultFrom = (writes: ControlWrite[], first: number) => {
    return { sequences: outcomeSequences(writes, first) };
  };
  const recorder = {
    log: copy,
    applyAppended: (lines: readonly string[], { sequence }: { sequence: number }) => {
      const writes = lines.map((line) => toWrite(parseEntry(line)));
      records.apply(writes, sequence);
    },
    record: (...facts: Parameters<Recorder["record"]>) => {
      return recordNow(facts.map((fact) => toWrite(parseEntry(encodeFact(fact, clock.wall())))));
    },
  };
  return recordsJournal(records, {
    commit: (writes, done) => {
      records.assertOpen(writes);
      const { first, isDurable } = append(writes, (error) => {
        done(error === undefined ? { result: resultFrom(writes, first) } : { error });
      });
      return isDurable ? { result: resultFrom(writes, first) } : undefined;
    },
    commitNow: (writes) => resultFrom(writes, recordNow(writes)),
    settle: () => copy.settle(),
    probe: () => copy.probe(),
    recorder: recorder as unknown as Recorder,
    close: () => copy.close(),
  });
}
