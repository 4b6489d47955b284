/** Text of agents that can be long: the output of programs, and artifacts. The end matters most. */
import type { Client } from "../client/client.ts";
import { isOutput } from "../client/streamCursor.ts";
import { lastLines } from "./bounded.ts";

const waitMs = 3_000;
const textCharsMax = 20_000;
/** More artifact than this is not read to reach its end. */
const artifactBytesMax = 8 * 1024 * 1024;

interface OutputQuery {
  job_id: string;
  agent: string | undefined;
  signal: AbortSignal;
}

/** Returns the last output of each agent of a job. */
export async function readOutput(client: Client, { job_id, agent, signal }: OutputQuery) {
  const job = await client.job(job_id);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
  const texts = new Map<string, string>();
  let isWhole = true;
  try {
    for await (const line of client.watchJob(job, { signal: limit, withOutput: true })) {
      if (!isOutput(line) || (agent !== undefined && line.agent !== agent)) continue;
      const { text = "", base64, skipped, incomplete } = line.output;
      if (skipped || incomplete) isWhole = false;
      const piece = base64 === undefined ? text : "(bytes that are no text)";
      const kept = (texts.get(line.agent) ?? "") + piece;
      texts.set(line.agent, kept.slice(-textCharsMax));
    }
  } catch (error) {
    if (!limit.aborted) throw error;
  }
  const output = [...texts]
    .filter(([, text]) => text !== "")
    .map(([from, text]) => ({ agent: from, lines: lastLines(text) }));
  return { job_id: job.job_id, is_whole: isWhole, output };
}

/** Returns the last text of an artifact. */
export async function readArtifact(client: Client, artifactId: string) {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  const reader = (await client.artifactContent(artifactId)).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    text = (text + decoder.decode(value, { stream: true })).slice(-textCharsMax);
    if (bytes > artifactBytesMax) {
      await reader.cancel();
      return { artifact_id: artifactId, is_whole: false, lines: lastLines(text) };
    }
  }
  const isWhole = bytes <= textCharsMax;
  return { artifact_id: artifactId, is_whole: isWhole, lines: lastLines(text) };
}
