/** A job's outcomes as they are written: for readers that keep up, that do not, and that come back. */
import { expect, test } from "bun:test";
import { Client } from "../../../lib/client/client.ts";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { BigFleet } from "../../support/processes/bigFleet.ts";
import { adminToken } from "../../support/processes/cli.ts";
import { startServe, temporaryDir } from "../../support/processes/processes.ts";

function caller(url: string, token: string) {
  const headers = {
    Authorization: `Bearer ${token}`,
    Accept: "application/x-ndjson",
    "Content-Type": "application/json",
  };
  return (path: string, body?: object) =>
    fetch(`${url}/api/v1/jobs${path}`, {
      headers,
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
}

const outcomesIn = (text: string) =>
  text
    .split("\n")
    .filter((line) => line.includes('"outcome"'))
    .map((line) => JSON.parse(line) as OutcomeLine);

test("outcome stream: ends with the job for a cursor of another job", async () => {
  using dataDir = temporaryDir();
  await using serving = await startServe({ dataDir });
  const token = adminToken(`${dataDir}`);
  const call = caller(serving.url, token);
  const client = new Client({ url: serving.url, token, fetch });
  await client.createToken({ role: "agent", agent_id: "away" });
  const order = { command: "ping", target: { agents: ["away"] }, ttl_seconds: 2 };
  const created = await call("", order);
  const reader = created.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  const { job_id: id } = JSON.parse(new TextDecoder().decode(value)).job;
  const beyond = await (await call(`/${id}/outcomes?after=1000000000`)).text();
  expect(outcomesIn(beyond)).toEqual([]);
  const [outcome] = outcomesIn(await (await call(`/${id}/outcomes`)).text());
  expect(outcome).toMatchObject({ agent: "away", outcome: "expired" });
  await reader?.cancel();
});

test("is whole and in order for a reader that comes late, and behind each of its lines", async () => {
  const members = Array.from({ length: 60 }, (_, index) => ({ id: `a${index}` }));
  await using fleet = await BigFleet.start(members);
  const call = caller(fleet.serving.url, adminToken(`${fleet.dataDir}`));
  // More than is kept for a reader, who then is served from the journal.
  const parameters = { says: "x".repeat(16_000) };
  const late = await call("", {
    command: "say",
    parameters,
    target: { all: true },
    max_agents: 60,
  });
  const reader = late.body?.getReader();
  const begun = new TextDecoder().decode((await reader?.read())?.value);
  const { job_id: id } = JSON.parse(begun.split("\n")[0] ?? "").job;
  const prompt = outcomesIn(await (await call(`/${id}/outcomes`)).text());
  expect(prompt).toHaveLength(60);
  let text = begun;
  const decoder = new TextDecoder();
  for (;;) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) break;
    text += decoder.decode(piece.value, { stream: true });
  }
  expect(outcomesIn(text)).toEqual(prompt);
  const cursors = prompt.map(({ cursor }) => cursor);
  expect(cursors).toEqual([...cursors].sort((a, b) => a - b));
  for (const at of [0, 30, 59]) {
    const rest = outcomesIn(await (await call(`/${id}/outcomes?after=${cursors[at]}`)).text());
    expect(rest).toEqual(prompt.slice(at + 1));
  }
});
