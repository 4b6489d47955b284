/** A TCP proxy that can stop forwarding, both ways and without a FIN, as a dead network does. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #pairs: { isFrozen: boolean }[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param at The port to listen at, or 0 for a free one. */
  static async to(port: number, at = 0): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server);
    server.on("connection", (near) => proxy.#join(near, connect(port, "127.0.0.1")));
    await new Promise<void>((resolve) => server.listen(at, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections that are open now fall silent for good; later ones are forwarded. */
  freeze(): void {
    for (const pair of this.#pairs) pair.isFrozen = true;
    this.#pairs = [];
  }

  /** Connections that are open now break; later ones are forwarded. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(near: Socket, far: Socket): void {
    const pair = { isFrozen: false };
    this.#pairs.push(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes) => {
        if (!pair.isFrozen) to.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        if (!pair.isFrozen) to.destroy();
      });
    }
  }
}
