/** The control plane that a command of an operator uses. */
import { Client } from "../../lib/client/client.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { type ControlPlane, controlPlaneFetch } from "../../lib/transfer/apiCall.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { readOperatorConnection } from "./context.ts";

/** Returns the control plane of the flags, of the context in use, or of the local credentials. */
export async function findControlPlane(flags: ClientFlags): Promise<ControlPlane> {
  const { url, token, trust } = readOperatorConnection(flags);
  const runtime = await loadRuntime();
  return { url, token, fetch: controlPlaneFetch(runtime.fetchWith, url, trust) };
}

export async function createClient(flags: ClientFlags): Promise<Client> {
  return new Client(await findControlPlane(flags));
}
