/** Parses what a client sends in a session. */
import { ClientMessage } from "../../protocol/api/session.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { isJsonObject } from "../../protocol/json.ts";
import { depthMax } from "../../protocol/limits.ts";
import { parseJson, validate } from "../api/route.ts";

export interface MessageFault {
  /** The reference that the message names; undefined if it cannot be read. */
  ref: string | undefined;
  /** Whether the message would have opened a job under the reference. */
  isRequest: boolean;
  error: unknown;
}

type ParsedMessage =
  | { message: ClientMessage; fault?: undefined }
  | { message?: undefined; fault: MessageFault };

export function parseClientMessage(text: string): ParsedMessage {
  let ref: string | undefined;
  let isRequest = false;
  try {
    const value = parseJson(text, "Message", depthMax);
    if (!isJsonObject(value)) return { fault: { ref, isRequest, error: notAnObject() } };
    ref = readRef(value.ref);
    isRequest = value.type === "submit" || value.type === "follow";
    return { message: validate(value, ClientMessage) };
  } catch (error) {
    return { fault: { ref, isRequest, error } };
  }
}

function notAnObject(): WsctlError {
  return new WsctlError("MALFORMED", "Message must be an object");
}

function readRef(value: unknown): string | undefined {
  return typeof value === "string" && /^[\x21-\x7e]{1,64}$/.test(value) ? value : undefined;
}
