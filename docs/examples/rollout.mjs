// Rolls a version out to all web agents: one canary first, then two at a time, until one fails.
import { createClient, isOutput } from "wsctl/client";

const client = createClient({ server: process.env.WSCTL_SERVER, token: process.env.WSCTL_TOKEN });
const [, , version] = process.argv;

const { accepted, lines } = await client.send(
  {
    command: "deploy",
    parameters: { version },
    target: { selector: "role=web" },
    rollout: { canary: 1, batch: 2, max_failures: 0 },
  },
  { withOutput: true },
);
console.log(`job ${accepted.job.job_id} for ${accepted.job.total} agents`);

let failures = 0;
for await (const line of lines) {
  if (isOutput(line)) {
    console.log(`${line.agent}: ${line.output.text?.trim()}`);
  } else {
    console.log(`${line.agent}: ${line.outcome} ${line.message ?? JSON.stringify(line.result)}`);
    if (line.outcome !== "success") failures++;
  }
}
process.exitCode = failures === 0 ? 0 : 1;
