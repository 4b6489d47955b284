/**
 * A TCP proxy with a gate: a connection that carries more than so many bytes is held there until
 * the gate is opened. It makes "in the middle of a transfer" a place and not a moment.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

const waitMs = 30_000;

export class Gate implements AsyncDisposable {
  /** Bytes that were passed on, both ways, since it was shut. */
  passedBytes = 0;
  readonly #server: Server;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<Socket>();
  #isLocked = false;
  #most = Number.POSITIVE_INFINITY;
  #reached = Promise.withResolvers<void>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
  }

  static async to(port: number): Promise<Gate> {
    const server = createServer();
    const gate = new Gate(server, port);
    server.on("connection", (near) => gate.#join(near));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** From now on what carries more than so many bytes stops there. */
  shut(most: number): void {
    this.passedBytes = 0;
    this.#most = most;
    this.#reached = Promise.withResolvers<void>();
  }

  /** Until a connection is held. */
  async reached(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const text = `nothing came as far as the gate within ${waitMs} ms`;
      timer = setTimeout(() => reject(new Error(text)), waitMs);
    });
    await Promise.race([this.#reached.promise, late]).finally(() => clearTimeout(timer));
  }

  /** Breaks what is connected, and lets nobody in until it is opened. */
  lock(): void {
    this.#isLocked = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  open(): void {
    this.#isLocked = false;
    this.#most = Number.POSITIVE_INFINITY;
    for (const socket of this.#held) socket.resume();
    this.#held.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(near: Socket): void {
    if (this.#isLocked) return void near.destroy();
    const far = connect(this.#port, "127.0.0.1");
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        for (const each of [near, far]) {
          each.destroy();
          this.#sockets.delete(each);
          this.#held.delete(each);
        }
      });
    }
    let count = 0;
    const carry = (from: Socket, to: Socket) => {
      from.on("data", (bytes) => {
        count += bytes.length;
        this.passedBytes += bytes.length;
        const isTaken = to.write(bytes);
        if (count > this.#most) this.#hold(near, far);
        if (isTaken) return;
        from.pause();
        to.once("drain", () => {
          if (!this.#held.has(from)) from.resume();
        });
      });
    };
    carry(near, far);
    carry(far, near);
  }

  #hold(...sockets: Socket[]): void {
    for (const socket of sockets) {
      socket.pause();
      this.#held.add(socket);
    }
    this.#reached.resolve();
  }
}
