// Reads and writes messages of the standard, for an implementation of one's own.
import { decodeFromAgent, encode, messageBytesMax } from "wsctl/protocol";

const command = encode(
  { type: "command", request_id: "123456", payload: { command: "restart" } },
  Date.parse("2025-02-24T12:34:56Z"),
);
console.log(command);

const text =
  '{"type":"status_update","timestamp":"2025-02-24T12:35:10Z","payload":{"cpu_usage":"30"}}';
const { message, refusal } = decodeFromAgent(text, { isExtended: false });
console.log(message ?? `${refusal.code}: ${refusal.text}`);
console.log(`at most ${messageBytesMax} bytes`);
