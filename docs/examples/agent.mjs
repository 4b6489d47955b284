// An agent with two commands. It runs on Node.js, Bun and Deno.

import * as v from "valibot";
import { createAgent } from "wsctl/agent";

const agent = createAgent({
  server: process.env.WSCTL_SERVER,
  token: process.env.WSCTL_TOKEN,
  labels: { role: "web" },
});

let version = "1.0.0";

agent
  .command("deploy", {
    description: "deploys a version",
    parameters: v.strictObject({ version: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+$/)) }),
    timeoutSeconds: 60,
    concurrency: 1,
    async run(parameters, { write }) {
      write(`deploying ${parameters.version}\n`);
      if (parameters.version === "6.6.6") throw new Error("this version does not start");
      version = parameters.version;
      return { version };
    },
  })
  .command("current_version", { description: "returns the version", run: () => version });

await agent.start();
console.log("connected");

process.once("SIGTERM", () => agent.stop());
