/** What a node serves while it follows: the requests that it passes on to the leader. */
import { join } from "node:path";
import { ClientAddresses } from "../../control/auth/clientAddress.ts";
import { writeLocalFile } from "../../control/auth/localCredentials.ts";
import {
  buildPublicAddress,
  type ListenOptions,
  listen,
  localUrl,
  openServerCertificates,
} from "../../control/listen.ts";
import type { ControlOptions } from "../../control/start.ts";
import type { OpenedCertificates } from "../../control/tls/openCertificates.ts";
import type { StoredTrust } from "../../network/trust.ts";
import { localFile } from "../../protocol/api/localCredentials.ts";
import type { Server } from "../../runtime/runtime.ts";
import { createForwarder, type ForwarderOptions } from "./forwarder.ts";
import { Relays } from "./relays.ts";

export type FollowerOptions = ListenOptions &
  Pick<ControlOptions, "trustedProxies" | "drainTimeoutMs">;

export class FollowerServer {
  readonly #options: FollowerOptions;
  readonly #certificates: OpenedCertificates | undefined;
  readonly #server: Server;
  readonly #relays: Relays;

  private constructor(
    options: FollowerOptions,
    server: Server,
    certificates: OpenedCertificates | undefined,
    relays: Relays,
  ) {
    this.#relays = relays;
    this.#options = options;
    this.#server = server;
    this.#certificates = certificates;
  }

  /** @throws {WsctlError} USAGE or UNAVAILABLE, with what is wrong with the port */
  static async open(
    options: FollowerOptions,
    forward: Pick<ForwarderOptions, "node" | "nodeSecret" | "leader" | "leaderGone" | "sequence">,
  ): Promise<FollowerServer> {
    const { runtime, clock, log, trustedProxies } = options;
    const addresses = new ClientAddresses(runtime, trustedProxies, forward.nodeSecret);
    const relays = new Relays();
    const app = createForwarder({
      ...forward,
      relays,
      dataDir: options.dataDir,
      addresses,
      runtime,
      clock,
      log,
    });
    const certificates = await openServerCertificates(options);
    const server = await listen(options, certificates, app);
    return new FollowerServer(options, server, certificates, relays);
  }

  get port(): number {
    return this.#server.port;
  }

  /** How many agents are connected to this node. */
  get agentCount(): number {
    return this.#relays.agentCount;
  }

  /** The URL for clients on this host. */
  get localUrl(): string {
    return localUrl(this.#options, this.port, this.#certificates !== undefined);
  }

  /** The URL for others. */
  get publicUrl(): string {
    return buildPublicAddress(this.#options, this.port, this.#certificates).url;
  }

  /** Where the other nodes reach this one, past any reverse proxy, and what they trust. */
  get nodeAddress(): { url: string } & StoredTrust {
    const { publicUrl: _, ...own } = this.#options;
    const { url } = buildPublicAddress(own, this.port, this.#certificates);
    return { url, ...this.#certificates?.localTrust };
  }

  /** Lets commands on this host find the cluster. */
  writeLocalFile(token: string): void {
    const path = join(this.#options.dataDir, localFile);
    const trust = this.#certificates?.localTrust ?? {};
    writeLocalFile(path, { url: this.localUrl, token, trust });
  }

  /** Moves the WebSockets to other nodes, one after the other. */
  async drain(): Promise<void> {
    const { clock, log, drainTimeoutMs } = this.#options;
    const count = await this.#relays.drain(clock, drainTimeoutMs);
    if (count > 0) log.info("connections moved to other nodes", { count });
  }

  async close(): Promise<void> {
    this.#certificates?.close();
    await this.#server.stop();
  }
}
