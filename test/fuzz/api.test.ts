/** The same odd bodies to the API of the binary and of Deno: the same answers, and never a 5xx. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { localFile } from "../../lib/protocol/api/localCredentials.ts";
import type { ErrorBody } from "../../lib/protocol/api/views.ts";
import {
  type Flavour,
  type Serving,
  startServe,
  temporaryDir,
} from "../support/processes/processes.ts";
import { inputOf } from "./grammar.ts";

// 1,200 calls, of which many are written to disk.
setDefaultTimeout(60_000);

const bodies = 300;
const firstSeed = 7_000;
const paths = ["/api/v1/jobs", "/api/v1/tokens"];

interface Answer {
  status: number;
  code?: string | undefined;
  message?: string | undefined;
}

/** Bytes, as some are no UTF-8: every tenth body has one of them put into it. */
function bodyOf(index: number): Uint8Array<ArrayBuffer> {
  const { text } = inputOf(firstSeed + index, index % 3 === 0 ? "token" : "job");
  const bytes = new TextEncoder().encode(text);
  if (index % 10 !== 0 || bytes.length === 0) return bytes;
  const odd = [0xff, 0xc0, 0xed, 0x80, 0xfe, 0xf8][(index / 10) % 6] ?? 0xff;
  bytes[Math.floor(bytes.length / 2)] = odd;
  return bytes;
}

async function answers(serving: Serving): Promise<Map<string, Answer>> {
  const { token } = JSON.parse(readFileSync(join(serving.dataDir, localFile), "utf8"));
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const all = new Map<string, Answer>();
  // First the jobs: no agent is known yet, so that none of them can be accepted.
  for (const path of paths) {
    for (let index = 0; index < bodies; index++) {
      const request = { method: "POST", headers, body: bodyOf(index) };
      const response = await fetch(`${serving.url}${path}`, request);
      const body = (await response.json()) as Partial<ErrorBody>;
      const { code, message } = body.error ?? {};
      const answer = response.ok ? {} : { code, message };
      all.set(`${path} ${firstSeed + index}`, { status: response.status, ...answer });
    }
  }
  return all;
}

async function answersOf(flavour: Flavour): Promise<Map<string, Answer>> {
  using dataDir = temporaryDir();
  await using serving = await startServe({ flavour, dataDir });
  const all = await answers(serving);
  const health = await fetch(`${serving.url}/healthz`);
  expect(health.status).toBe(200);
  expect(await health.json()).toMatchObject({ status: "ok" });
  expect(serving.process.lines.filter((line) => line.includes("request failed"))).toEqual([]);
  return all;
}

describe("the API", () => {
  test(`answers ${bodies} odd bodies alike on both runtimes`, async () => {
    const binary = await answersOf("binary");
    const deno = await answersOf("deno");
    expect(binary.size).toBe(bodies * paths.length);
    const differing = [...binary].filter(
      ([where, answer]) => !Bun.deepEquals(deno.get(where), answer),
    );
    expect(differing.map(([where, answer]) => ({ where, answer, deno: deno.get(where) }))).toEqual(
      [],
    );
    const statuses = (path: string) =>
      new Set([...binary].filter(([at]) => at.startsWith(path)).map(([, { status }]) => status));
    // Malformed, or for nobody: none is accepted. Of the tokens some are right.
    expect([...statuses("/api/v1/jobs")].sort()).toEqual([400, 404]);
    expect([...statuses("/api/v1/tokens")].sort()).toEqual([201, 400]);
    const unnamed = [...binary].filter(([, one]) => one.status !== 201 && !one.code);
    expect(unnamed).toEqual([]);
  });
});
