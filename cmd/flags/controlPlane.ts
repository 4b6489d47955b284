/** The control plane that a command of an operator uses. */
import { Client } from "../../lib/client/client.ts";
import { loadFetchWith } from "../../lib/runtime/load.ts";
import type { ControlPlane } from "../../lib/transfer/apiCall.ts";
import { nodesFetch } from "../../lib/transfer/nodesFetch.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { readOperatorConnection } from "./context.ts";

/** Returns the control plane of the flags, of the context in use, or of the local credentials. */
export async function findControlPlane(flags: ClientFlags): Promise<ControlPlane> {
  const { url, others = [], token, trust } = await readOperatorConnection(flags);
  const fetchWith = await loadFetchWith();
  return { url, token, fetch: await traced(nodesFetch(fetchWith, [url, ...others], trust)) };
}

export async function createClient(flags: ClientFlags): Promise<Client> {
  return new Client(await findControlPlane(flags));
}

/** The variables that put a command into a trace. */
const traceVariables = [
  "TRACEPARENT",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

/** Adds the position in the trace of this command. Nothing is loaded for one without a trace. */
async function traced(plain: typeof fetch): Promise<typeof fetch> {
  if (traceVariables.every((name) => process.env[name] === undefined)) return plain;
  const { traceHeader } = await import("../cli/commandTrace.ts");
  const traceparent = traceHeader();
  if (traceparent === undefined) return plain;
  const call: (...args: Parameters<typeof fetch>) => Promise<Response> = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("traceparent", traceparent);
    return plain(input, { ...init, headers });
  };
  return call as typeof fetch;
}
