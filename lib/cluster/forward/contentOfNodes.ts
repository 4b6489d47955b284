/**
 * Content of artifacts that other nodes have, because they led when it was stored. A leader fetches
 * it once, when it is wanted.
 */
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context, Hono } from "hono";
import { objectPath } from "../../control/artifacts/localStore.ts";
import { type ClientAddresses, nodeHeader } from "../../control/auth/clientAddress.ts";
import type { FileDigest } from "../../files/fileDigest.ts";
import { toTrust } from "../../network/trust.ts";
import { WsctlError } from "../../protocol/errors.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { NodeState } from "../nats/threadMessages.ts";

const route = "/cluster/content";
const answerMs = 10_000;

export interface ContentOptions {
  /** Returns the other nodes. */
  nodes(): Promise<readonly NodeState[]>;
  runtime: Pick<Runtime, "fetchWith">;
  nodeSecret: string;
}

export class ContentOfNodes {
  readonly #options: ContentOptions;

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  /** As in `NodeContent`. */
  async fetchContent(object: string, file: string): Promise<FileDigest> {
    const target = await open(file, "w", 0o600);
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      for await (const chunk of await this.#find(object)) {
        hash.update(chunk);
        await target.writeFile(chunk);
        bytes += chunk.length;
      }
      await target.sync();
    } finally {
      await target.close();
    }
    return { sha256: hash.digest("hex"), bytes };
  }

  /** Returns the content from the first node that has it. */
  async #find(object: string): Promise<Content> {
    const { nodes, runtime, nodeSecret } = this.#options;
    for (const { url, ca, server_name } of await nodes()) {
      const given = new AbortController();
      const timer = setTimeout(() => given.abort(), answerMs);
      const init = { headers: { [nodeHeader]: nodeSecret }, signal: given.signal };
      try {
        const fetchIt = runtime.fetchWith(toTrust({ ca, server_name }));
        const response = await fetchIt(`${url}${route}/${object}`, init);
        // Both runtimes iterate a body, which the types of Node.js 20 do not have.
        if (response.ok && response.body !== null) return response.body as unknown as Content;
        await response.body?.cancel();
      } catch {
        // A node that does not answer has nothing to give; the next one is asked.
      } finally {
        clearTimeout(timer);
      }
    }
    return noContent();
  }
}

function notFound(): WsctlError {
  return new WsctlError("NOT_FOUND", "Not found");
}

type Content = AsyncIterable<Uint8Array>;

async function* noContent(): AsyncGenerator<Uint8Array> {}

/** Lets the other nodes fetch what this one has. */
export function addContentRoute(
  app: Hono,
  options: { dataDir: string; addresses: ClientAddresses; runtime: Pick<Runtime, "fileBody"> },
): void {
  app.get(`${route}/:object`, async (c: Context) => {
    const object = c.req.param("object") ?? "";
    if (!options.addresses.isNode(c) || !/^[0-9a-f]{64}$/.test(object)) {
      throw notFound();
    }
    const path = objectPath(join(options.dataDir, "artifacts"), object);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw notFound();
    const { signal } = new AbortController();
    const part = { context: c, path, start: 0, end: found.size, signal, done() {} };
    return new Response(options.runtime.fileBody(part), { status: 200 });
  });
}
