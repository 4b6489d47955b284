/**
 * Agents of `wsctl.v1` in one process: `wsctlAgents.ts URL TOKENS-FILE [CA-FILE]`; each answers at
 * once with real wire messages, beats as it is advised, tells its figures once a minute, and comes
 * back as a real agent does.
 */
import { readFileSync } from "node:fs";
import { SimulatedAgent } from "../../../lib/bench/simulatedAgent.ts";
import { loadRuntime } from "../../../lib/runtime/load.ts";
import { systemClock } from "../../../lib/time/clock.ts";

const [url = "", file = "", caFile] = process.argv.slice(2);
const tokens = readFileSync(file, "utf8").trim().split("\n");
const runtime = await loadRuntime();
const clock = systemClock();
const trust = caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") };
let open = 0;
const changed = (by: 1 | -1) => {
  open += by;
  if (open === tokens.length) console.log("all open");
};
for (const token of tokens) {
  new SimulatedAgent({ url, trust, runtime, clock, statusSeconds: 60, changed }, token).start();
}
