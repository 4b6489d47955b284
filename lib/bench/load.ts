/** The load of `wsctl bench` and its measurements. */
import type { Client } from "../client/client.ts";
import type { ClientSession } from "../client/session/clientSession.ts";
import { isOutput } from "../client/streamCursor.ts";
import type { OutcomeKind } from "../protocol/api/views.ts";
import { WsctlError } from "../protocol/errors.ts";

export interface Load {
  requests: number;
  seconds: number;
  requests_per_second: number;
  /** The latency from the request to the outcome. */
  p50_ms: number;
  p90_ms: number;
  p99_ms: number;
  most_ms: number;
  outcomes: Partial<Record<OutcomeKind, number>>;
}

/** The API over HTTP, or a session for what is sent. */
export interface Operator {
  client: Client;
  session?: ClientSession;
}

/** Sends `ping` commands to one agent each, with a number of them in parallel. */
export async function load(
  operator: Operator,
  agentIds: readonly string[],
  requests: number,
  atOnce: number,
  signal: AbortSignal,
): Promise<Load> {
  const took: number[] = [];
  const outcomes: Load["outcomes"] = {};
  let next = 0;
  const begun = performance.now();
  let hasFailed = false;
  const worker = async () => {
    for (let at = next++; at < requests && !signal.aborted && !hasFailed; at = next++) {
      const from = performance.now();
      await ask(operator, [agentIds[at % agentIds.length] ?? ""], outcomes, signal).catch(
        (error) => {
          hasFailed = true;
          throw error;
        },
      );
      took.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const seconds = (performance.now() - begun) / 1000;
  const sorted = took.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return {
    requests: took.length,
    seconds,
    requests_per_second: took.length / seconds,
    ...{ p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), most_ms: at(1) },
    outcomes,
  };
}

/** Sends one job to all agents. Returns the time to its last outcome, in milliseconds. */
export async function fanOut(
  operator: Operator,
  agentIds: readonly string[],
  signal: AbortSignal,
): Promise<{ ms: number; outcomes: Load["outcomes"] }> {
  const outcomes: Load["outcomes"] = {};
  const from = performance.now();
  await ask(operator, agentIds, outcomes, signal);
  return { ms: performance.now() - from, outcomes };
}

async function ask(
  { client, session }: Operator,
  agents: readonly string[],
  outcomes: Load["outcomes"],
  signal: AbortSignal,
): Promise<void> {
  const jobRequest = { command: "ping", target: { agents: [...agents] } };
  const { accepted, lines } = await (session ?? client).send(jobRequest, { signal });
  if (accepted.job.approval !== undefined) {
    await client.cancelJob(accepted.job.job_id);
    const text = '"ping" needs approval. Start serve without "--require-approval-for ping"';
    throw new WsctlError("CONFLICT", `Cannot run the benchmark: ${text}`);
  }
  for await (const line of lines) {
    if (!isOutput(line)) outcomes[line.outcome] = (outcomes[line.outcome] ?? 0) + 1;
  }
}
