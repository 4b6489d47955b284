/**
 * Agents of `wsctl.v1` in one process: `wsctlAgents.ts URL TOKENS-FILE`; each answers at once with
 * real wire messages, and beats as it is advised.
 */
import { readFileSync } from "node:fs";

const [url = "", file = ""] = process.argv.slice(2);
const tokens = readFileSync(file, "utf8").trim().split("\n");
let open = 0;
for (const token of tokens) {
  const headers = { Authorization: `Bearer ${token}` };
  const socket = new WebSocket(url, { headers, protocols: ["wsctl.v1"] });
  const say = (type: string, payload: object, request_id?: string) =>
    socket.send(JSON.stringify({ type, request_id, timestamp: new Date().toISOString(), payload }));
  let beat: ReturnType<typeof setInterval> | undefined;
  socket.onopen = () => {
    const instance_id = crypto.randomUUID();
    const memory = { journal_id: "new", epoch: 0 };
    say("hello", { protocol_version: 1, version: "0.0.0", instance_id, ...memory });
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as {
      type: string;
      request_id?: string;
      payload: { heartbeat_seconds?: number };
    };
    if (message.type === "command") {
      say("response", { status: "success", message: "pong" }, message.request_id);
    } else if (message.type === "welcome") {
      if (beat === undefined && ++open === tokens.length) console.log("all open");
      clearInterval(beat);
      beat = setInterval(
        () => say("heartbeat", {}),
        1000 * (message.payload.heartbeat_seconds ?? 15),
      );
    }
  };
}
