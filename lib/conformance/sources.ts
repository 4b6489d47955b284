/**
 * The sentences that the checks hold peers to: of the communication standard, and of the decisions
 * in `docs/protocol.md`. A test finds each of them in its document.
 */
export const standard = {
  envelope:
    "Each message exchanged between the control plane and an agent must adhere to the following JSON structure:",
  type: "The type of message (e.g., `command`, `status_update`, `heartbeat`, etc.).",
  requestId: "A unique identifier for tracking responses to commands.",
  timestamp: "ISO 8601 UTC timestamp of when the message was created.",
  payload: "Message-specific data based on the `type`.",
  command: "The command to be executed (e.g., `restart`, `update`, `fetch_logs`).",
  parameters: "Additional parameters required by the command.",
  cpu: "CPU usage percentage.",
  memory: "Memory usage in GB or MB.",
  emptyPayload:
    "**Empty payload `{}`** since a heartbeat message does not require additional data.",
  status: "Status of the command execution (`success`, `failed`).",
  message: "Optional details about the response.",
  code: "Error code (e.g., `INVALID_COMMAND`, `TIMEOUT`).",
  errorMessage: "Description of the error.",
  responds: "**Agent** responds with a `response` message containing the result.",
  processes: "**Control Plane** logs or processes the data as needed.",
  sends: "**Control Plane** sends a `command` message to the agent.",
  periodic: "**Agent** periodically sends a `status_update` to the control plane.",
  heartbeat: "**Agent** sends a `heartbeat` message every `X` seconds.",
  timeout:
    "If the **Control Plane** does not receive heartbeats within a timeout period, it assumes the agent is disconnected.",
  invalid: "If an agent receives an invalid command, it responds with an `error` message.",
  malformed:
    "If the control plane sends a malformed request, the agent should reply with an `error` message.",
  eitherParty: "Used to notify the other party of an error in processing a request.",
  unique: "Always include a request ID in messages requiring a response.",
  reconnect: "Agents should implement auto-reconnection logic.",
  secure: "Use **TLS (wss://)** and authentication tokens to prevent unauthorized access.",
  limit: "Avoid large payloads; use object storage (e.g., S3) for large data transfers.",
} as const;

export const decisions = {
  frame: "A message is one JSON object in one text frame.",
  binary: "A binary frame closes the connection (1003).",
  required: "`type`, `timestamp` and `payload` are required.",
  requestIdText: "A `request_id` is any printable text of 1 to 128 characters; wsctl makes UUIDs.",
  requestIdOptional:
    "`request_id` is required in `command` and `response`, optional in `heartbeat` and `status_update`",
  unknownFields: "Fields that are not known are ignored, at every level.",
  duplicateKey:
    "When a key appears twice in one object, the last one counts, as in every `JSON.parse`.",
  proto: "Keys such as `__proto__` are keys like any other and are never merged into anything.",
  timestamp:
    "A timestamp reads `YYYY-MM-DDTHH:MM:SS`, with up to nine decimals, and ends in `Z` or `+00:00`.",
  dateExists: "The date must exist, and there is no second 60.",
  anyTime: "No message is refused because its timestamp is old or in the future.",
  cpu: "`cpu_usage` is a number and `%`, with or without a space between.",
  memory: "`memory_usage` is a number and `KB`, `MB`, `GB` or `TB`, with or without a space.",
  manyCores: "It may exceed 100% (a peer may count cores).",
  errorId:
    "Its `request_id` is the offending message's own; where that had none, or could not be read, it is the word `unknown`.",
  noErrorToError: "An `error` is never answered with an error, not even a malformed one.",
  staysOpen:
    "The connection stays open, unless more than 20 messages are refused within 10 seconds of the first of them (close 4400).",
  unknownType: "An unknown type is `UNSUPPORTED_TYPE`.",
  wrongSide:
    "A known type from the wrong side (a `command` from an agent, a `response` from a control plane) is `FORBIDDEN`.",
  unknownRequest: "A `response` to a request that is not known is `UNKNOWN_REQUEST`.",
  secondAnswer: "A second answer to the same request changes nothing: the first one stands.",
  once: "A command is answered once, by a `response` or an `error`.",
  repeated:
    "A `request_id` that an agent has seen before is not run again: while the command runs there is no answer, afterwards the first answer is sent again.",
  lateAnswer: "If its connection ends before it answers, it may still answer on the next one",
  sentOnce: "A peer of the standard alone is sent each command once.",
  silence: "A control plane that hears nothing for three intervals closes the connection (4408).",
  signOfLife: "Any message counts as a sign of life.",
  pings: "every WebSocket implementation answers pings.",
  standardOnly: "No other peer is ever sent one of them.",
  upgrade: "An agent connects to its control plane with a WebSocket at `GET /agent`",
  origin: "It sends no `Origin`",
  refusedToken: "An agent whose token is refused learns this from a close code",
  size: "| one message | 65,536 bytes | close 1009 |",
  rate: "| messages from one agent | 2,000 a second, 4,000 at once | close 4429 |",
  nesting: "| nesting | 32 levels | `MALFORMED` |",
  parameters: "| a command's parameters | 49,152 bytes |",
  backoff: "a random time under a ceiling that starts at one second, doubles up to one minute",
} as const;
