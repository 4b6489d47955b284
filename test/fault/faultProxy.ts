/**
 * A TCP proxy with every fault of a network: it cuts, falls silent without a FIN, hands on one byte
 * at a time, and closes one direction only. Its port stays while what is behind it comes and goes.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

interface Pair {
  near: Socket;
  far: Socket;
}

export class FaultProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #pairs: Pair[] = [];
  /** The bytes that still pass towards a socket that is to be cut. */
  readonly #limits = new WeakMap<Socket, number>();
  #target = { port: 0, host: "127.0.0.1" };
  #isStalled = false;
  #byteMs = 0;
  #cut = { bytes: 0, left: 0, request: /^/ };
  /** What is held back while nothing is handed on. */
  #wake = Promise.withResolvers<void>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new FaultProxy(server);
    server.on("connection", (near) => proxy.#join(near));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections that are made from now on lead there. */
  pointAt(port: number, host = "127.0.0.1"): void {
    this.#target = { port, host };
  }

  /** Ends all connections at once, with a reset where the system sends one. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs = [];
  }

  /** Nothing passes any more, either way, and nobody is told; later connections stall too. */
  stall(): void {
    this.#isStalled = true;
  }

  /** What was held back is handed on, as a network does that was only away. */
  resume(): void {
    this.#isStalled = false;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  /** Every byte on its own, so many milliseconds after the one before; 0 for at once. */
  trickle(byteMs: number): void {
    this.#byteMs = byteMs;
  }

  /**
   * Ends the connections of the next responses after so many bytes, as a process that dies.
   * @param times How many connections.
   * @param request Whose request begins so.
   */
  cutResponses(bytes: number, times: number, request = /^/): void {
    this.#cut = { bytes, left: times, request };
  }

  /** Closes one direction: the control plane, or who speaks to it, hears the end of the other. */
  halfClose(towards: "control" | "agent"): void {
    for (const { near, far } of this.#pairs) (towards === "control" ? far : near).end();
    this.#pairs = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.resume();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true });
    this.#pairs.push({ near, far });
    this.#carry(near, far);
    this.#carry(far, near);
    near.once("data", (first: Buffer) => {
      const { bytes, left, request } = this.#cut;
      if (left === 0 || !request.test(first.toString("latin1"))) return;
      this.#cut.left--;
      this.#limits.set(near, bytes);
    });
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    let queue = Promise.resolve();
    const inTurn = (what: () => Promise<void> | void) => {
      queue = queue.then(what);
    };
    from.on("data", (bytes: Buffer) => inTurn(() => this.#pass(bytes, to)));
    from.on("end", () =>
      inTurn(async () => {
        await this.#whileStalled();
        if (!to.writableEnded) to.end();
      }),
    );
    from.on("error", () => {});
    from.on("close", () => {
      this.#sockets.delete(from);
      this.#pairs = this.#pairs.filter(({ near, far }) => near !== from && far !== from);
      inTurn(async () => {
        await this.#whileStalled();
        to.destroy();
      });
    });
  }

  async #pass(bytes: Buffer, to: Socket): Promise<void> {
    await this.#whileStalled();
    if (this.#byteMs === 0) return this.#write(bytes, to);
    for (const byte of bytes) {
      this.#write(Buffer.of(byte), to);
      if (this.#byteMs > 0) await pause(this.#byteMs);
    }
  }

  #write(bytes: Buffer, to: Socket): void {
    if (to.destroyed || to.writableEnded) return;
    const left = this.#limits.get(to);
    if (left === undefined) to.write(bytes);
    else if (bytes.length < left) {
      this.#limits.set(to, left - bytes.length);
      to.write(bytes);
    } else to.end(bytes.subarray(0, left));
  }

  async #whileStalled(): Promise<void> {
    while (this.#isStalled) await this.#wake.promise;
  }
}
