/** A bucket of keys on a real NATS server. */
import { expect, test } from "bun:test";
import { connect } from "@nats-io/transport-node";
import { openBucket } from "../../../../lib/cluster/nats/keyValue.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";
import { NatsServers, natsMissing } from "../../../support/servers/nats.ts";

test.skipIf(natsMissing !== undefined)(
  "a key that is written while the keys are listed is listed once",
  async () => {
    using dir = temporaryDir();
    await using nats = await NatsServers.start(`${dir}`, 1);
    const connection = await connect({ servers: nats.urls });
    const bucket = await openBucket(connection, "nodes", { replicas: 1 });
    const keys = Array.from({ length: 50 }, (_, index) => `node.${index}`).sort();
    await Promise.all(keys.map((key) => bucket.put(key, "here")));
    let isListed = false;
    const writing = (async () => {
      while (!isListed) await Promise.all(keys.map((key) => bucket.put(key, "still here")));
    })();
    for (let round = 0; round < 20; round++) expect(await bucket.keys("node.")).toEqual(keys);
    isListed = true;
    await writing;
    await connection.close();
  },
  60_000,
);
