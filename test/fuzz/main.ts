/**
 * Runs inputs, as many as one likes, under Bun or Deno.
 *
 *   bun run test/fuzz/main.ts --inputs 1000000 [--from SEED]   with what they met
 *   deno run -A test/fuzz/main.ts --inputs 1000 --digests      the digest after each thousand
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { runInputs } from "./run.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "100000" },
    from: { type: "string", default: "0" },
    digests: { type: "boolean", default: false },
  },
});

const progressInputs = 10_000;
const say = (line: string) => void process.stdout.write(`${line}\n`);

const startedAt = performance.now();
const rate = (inputs: number) =>
  `${(inputs / ((performance.now() - startedAt) / 1000)).toFixed(0)} a second`;

const { inputs, digests, met, failure } = runInputs({
  from: Number(values.from),
  inputs: Number(values.inputs),
  onDigest: (done, digest) => {
    if (values.digests) say(`${done} ${digest}`);
    else if (done % progressInputs === 0) say(`… ${done} inputs, ${rate(done)}`);
  },
});

if (failure !== undefined) {
  say(`seed ${failure.seed}: ${failure.why}`);
  say(`  input: ${failure.input}`);
  say(`  again: ${failure.again}`);
  process.exitCode = 1;
} else if (!values.digests) {
  for (const [what, times] of [...met].sort()) say(`${String(times).padStart(9)}  ${what}`);
  say(`${inputs} inputs, digest ${digests.at(-1) ?? "none"}, ${rate(inputs)}`);
}
