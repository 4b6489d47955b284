// An agent of the standard with `ws` on Node.js, written from the documents alone. It knows `ping`.
// Usage: TOKEN=… node wsAgent.mjs ws://HOST:PORT/agent
import { WebSocket } from "ws";

const [, , url] = process.argv;
const heartbeatMs = 1000;
const answers = new Map();
const shape = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|\+00:00)$/;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isName = (value) => typeof value === "string" && value !== "" && value.length <= 128;

function isTimestamp(value) {
  const day = typeof value === "string" ? shape.exec(value)?.[1] : undefined;
  if (day === undefined) return false;
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}

function depth(value) {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depth));
}

function write(type, payload, requestId) {
  const timestamp = new Date().toISOString();
  return JSON.stringify({ type, request_id: requestId, timestamp, payload });
}

function refuse(code, message, requestId = "unknown") {
  return write("error", { code, message }, requestId);
}

/** The answer to a text; undefined where there is none. */
function answer(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return refuse("MALFORMED", "message is not JSON");
  }
  if (!isObject(message)) return refuse("MALFORMED", "message must be an object");
  const { type, request_id: given, timestamp, payload } = message;
  const id = isName(given) ? given : "unknown";
  if (type === "error") return undefined;
  if (typeof type !== "string") return refuse("MALFORMED", "type must be a text", id);
  if (depth(message) > 32) return refuse("MALFORMED", "message is nested too deep", id);
  if (["response", "heartbeat", "status_update"].includes(type)) {
    return refuse("FORBIDDEN", "this peer may not send this type", id);
  }
  if (type !== "command") return refuse("UNSUPPORTED_TYPE", "message type is unknown", id);
  const isValid =
    isName(given) &&
    isTimestamp(timestamp) &&
    isObject(payload) &&
    isName(payload.command) &&
    (payload.parameters === undefined || isObject(payload.parameters));
  if (!isValid) return refuse("MALFORMED", "a field is missing or wrong", id);
  if (!answers.has(id)) {
    const done =
      payload.command === "ping"
        ? write("response", { status: "success", message: "pong" }, id)
        : refuse("INVALID_COMMAND", `The command '${payload.command}' is not recognized.`, id);
    answers.set(id, done);
  }
  return answers.get(id);
}

let waitMs = 200;

function connect() {
  const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
  const socket = new WebSocket(url, { headers, maxPayload: 65_536 });
  let timer;
  const beat = () => {
    socket.send(write("heartbeat", {}));
    socket.send(write("status_update", { cpu_usage: "30%", memory_usage: "1.5GB" }));
  };
  socket.on("open", () => {
    beat();
    timer = setInterval(beat, heartbeatMs);
  });
  socket.on("message", (data, isBinary) => {
    if (isBinary) return socket.close(1003);
    const text = answer(data.toString());
    if (text !== undefined) socket.send(text);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(timer);
    setTimeout(connect, waitMs);
    waitMs = Math.min(2000, waitMs * 1.5);
  });
}

connect();
