/** A stream of events continues where it was, however little it had brought. */
import { afterEach, expect, test } from "bun:test";
import { createClient } from "../../../lib/client/createClient.ts";
import { timestamp } from "../../../lib/protocol/timestamp.ts";

let server: Bun.Server<undefined>;
afterEach(() => server.stop(true));

/** Answers each request with the next text, and ends the stream there. Returns their queries. */
function streaming(...texts: string[]): string[] {
  const queries: string[] = [];
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      queries.push(new URL(url).search);
      return new Response(texts.shift(), { headers: { "content-type": "text/event-stream" } });
    },
  });
  return queries;
}

const event = (sequence: number, type: string) => {
  const data = JSON.stringify({ sequence, type, at: timestamp(0), data: {} });
  return `id: ${sequence}\nevent: ${type}\ndata: ${data}\n\n`;
};

async function firstSequence(): Promise<number | undefined> {
  const client = createClient({ server: `http://127.0.0.1:${server.port}`, token: "x" });
  const aborter = new AbortController();
  try {
    for await (const { sequence } of client.events({ signal: aborter.signal })) return sequence;
  } finally {
    aborter.abort();
  }
}

test("an interruption before the first event loses none that came meanwhile", async () => {
  const queries = streaming(
    ": events through 7\nid: 7\n\n",
    ": events through 7\nid: 7\n\n: events through 9\nid: 9\n\n",
    event(12, "job.ended"),
  );
  expect(await firstSequence()).toBe(12);
  expect(queries).toEqual(["", "?after=7", "?after=9"]);
});

test("an event of a type that this version does not know is not requested again", async () => {
  const queries = streaming(event(5, "moon.landed"), event(6, "job.ended"));
  expect(await firstSequence()).toBe(6);
  expect(queries).toEqual(["", "?after=5"]);
});
