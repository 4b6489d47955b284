import { defineCommand } from "citty";
import * as v from "valibot";
import { collect } from "../lib/agent/logs/collect.ts";
import { CollectOrder } from "../lib/agent/logs/order.ts";
import { faultOfParameters } from "../lib/agent/logs/parameters.ts";
import { issueText } from "../lib/protocol/issueText.ts";
import { usage } from "./_args.ts";
import { commonArgs } from "./_common.ts";
import { exitOk, untilSignal } from "./_exit.ts";
import { print, printBytes, printJson, readStdin, remark } from "./_output.ts";

/** For the agent alone: the program behind `fetch_logs`, with its order on standard input. */
export default defineCommand({
  meta: { name: "collect", hidden: true, description: "Collect lines of a log for the agent" },
  args: commonArgs,
  run: () => collectRun(),
});

/** The lines, if they are few, and on the last line what they are. */
export async function collectRun(): Promise<number> {
  const order = orderIn(readStdin());
  // A service that ends tells it twice; it needs to be told once.
  const signal = untilSignal(() => {});
  let isMidLine = false;
  const out = {
    remark,
    write: (bytes: Uint8Array) => {
      isMidLine = bytes.at(-1) !== 10;
      printBytes(bytes);
    },
  };
  // A large result is uploaded from here: `store` is handed the file and what it is, and what it
  // answers becomes `artifact`.
  const collected = await collect(order, out, { signal });
  if (isMidLine) print("");
  printJson(collected);
  return exitOk;
}

function orderIn(text: string): CollectOrder {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage("Standard input is not JSON: expected the order of an agent");
  }
  const parsed = v.safeParse(CollectOrder, value);
  if (!parsed.success) throw usage(`The order: ${issueText(parsed.issues[0])}`);
  const order = parsed.output;
  const fault = faultOfParameters(order.source, order.parameters, Date.now());
  if (fault !== undefined) throw usage(`The order: ${fault}`);
  return order;
}
