/**
 * `wsctl/protocol`: the messages of the WebSocket, for peers of your own: types, schemas, the codec,
 * limits, error codes and close codes.
 *
 * @packageDocumentation
 */
export {
  loadAsyncApi,
  loadMessageSchema,
  loadOpenApi,
  type PeerProtocol,
  peerProtocols,
  type SocketProtocol,
} from "../protocol/documents.ts";
export { type ErrorCode, errorCodes, WsctlError } from "../protocol/errors.ts";
export {
  depthMax,
  heartbeatSecondsDefault,
  inflightPerAgentMax,
  messageBytesMax,
  textCharsMax,
} from "../protocol/limits.ts";
export { AgentId, CommandName, RequestId } from "../protocol/names.ts";
export { isTimestamp, timestamp } from "../protocol/timestamp.ts";
export { closeCodes, type ReconnectPolicy, reconnectPolicy } from "../protocol/wire/closeCodes.ts";
export {
  type AgentDraft,
  type ControlDraft,
  type Decoded,
  type DecodeError,
  type DecodeOptions,
  decodeFromAgent,
  decodeFromControl,
  encode,
} from "../protocol/wire/codec.ts";
export type { AgentMessage, ControlMessage, Message } from "../protocol/wire/message.ts";
export {
  Command,
  ErrorMessage,
  Heartbeat,
  Response,
  StatusUpdate,
} from "../protocol/wire/message.ts";
export { protocolVersion, subprotocol, version } from "../protocol/wire/version.ts";
