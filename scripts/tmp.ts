import { AgentSession } from "../lib/conformance/agentSession.ts";
import { agentChecks, runAgentSuite } from "../lib/conformance/agentSuite.ts";
import { summarize } from "../lib/conformance/check.ts";

console.log(agentChecks.length, new Set(agentChecks.map((c) => c.id)).size);
const session = await AgentSession.open({
  host: "127.0.0.1",
  port: 0,
  path: "/agent",
  command: "ping",
  answerMs: 1500,
  heartbeatMs: 2500,
  statusMs: 3000,
  connectMs: 5000,
});
const [what = ""] = process.argv.slice(2);
const child = Bun.spawn(
  what === "wsctl"
    ? [
        "dist/wsctl",
        "agent",
        "--server",
        session.url,
        "--heartbeat",
        "1s",
        "--data-dir",
        "/tmp/confdata",
      ]
    : what.split(" ").concat(session.url),
  { env: { ...process.env, WSCTL_TOKEN: "x", TOKEN: "x" }, stderr: "ignore", stdout: "ignore" },
);
const t = performance.now();
const results = await runAgentSuite(session, (r) => {
  if (r.verdict !== "passed" || r.duration_ms > 1000)
    console.log(r.verdict, r.level, r.id, r.detail ?? "", r.duration_ms);
});
console.log(JSON.stringify(summarize(results)), performance.now() - t);
child.kill();
session.close();
process.exit(0);
