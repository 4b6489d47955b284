/** Events of the control plane, and the webhooks that get them. */
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { ResourceName } from "../names.ts";
import { Timestamp } from "../timestamp.ts";

export const eventTypes = [
  ...(["job.created", "job.ended", "job.failed", "request.ended"] as const),
  ...(["approval.pending", "schedule.failed", "schedule.ending"] as const),
  ...(["agent.connected", "agent.offline", "agent.fenced", "agent.pending"] as const),
  "disk.low",
] as const;
export type EventType = (typeof eventTypes)[number];

/** One event, derived from the log. Several can have the sequence of one entry. */
export const ControlPlaneEvent = v.object({
  /** The sequence of the entry in the log. */
  sequence: v.number(),
  type: v.picklist(eventTypes),
  /** ISO 8601. */
  at: Timestamp,
  /** The ids and the facts, in the names of the API. */
  data: v.custom<JsonObject>(isJsonObject),
});
export type ControlPlaneEvent = v.InferOutput<typeof ControlPlaneEvent>;

const urlRule = "must be a URL such as https://hooks.example/wsctl";

/** `POST /api/v1/webhooks`. */
export const WebhookRequest = v.strictObject({
  name: ResourceName,
  url: v.pipe(
    v.string(urlRule),
    v.maxLength(2_000),
    v.check((text) => /^https?:$/.test(protocolOf(text) ?? ""), urlRule),
  ),
  /** The types of its events. */
  events: v.pipe(
    v.array(v.picklist(eventTypes, `must be one of ${eventTypes.join(", ")}`)),
    v.minLength(1, "must not be empty"),
  ),
});
export type WebhookRequest = v.InferOutput<typeof WebhookRequest>;

/** A delivery that was given up. */
const DeadLetter = v.object({
  sequence: v.number(),
  type: v.picklist(eventTypes),
  at: Timestamp,
  reason: v.string(),
});
export type DeadLetter = v.InferOutput<typeof DeadLetter>;

export const WebhookView = v.object({
  ...WebhookRequest.entries,
  created_at: Timestamp,
  created_by: v.string(),
  created_by_name: v.exactOptional(v.string()),
  /** The last entry whose events were delivered or given up. */
  delivered_through: v.number(),
  /** Why the current delivery is repeated. */
  failing: v.exactOptional(v.string()),
  dead_letters: v.array(DeadLetter),
});
export type WebhookView = v.InferOutput<typeof WebhookView>;

/** The only response that has the secret. */
export const NewWebhook = v.object({
  ...WebhookView.entries,
  /** For the signature of Standard Webhooks: `whsec_` and base64. */
  secret: v.string(),
});
export type NewWebhook = v.InferOutput<typeof NewWebhook>;

/** The response of `POST /api/v1/webhooks/NAME/test`. */
export const WebhookTest = v.object({
  delivered: v.boolean(),
  /** The HTTP status, or why there is none. */
  answer: v.string(),
});
export type WebhookTest = v.InferOutput<typeof WebhookTest>;

function protocolOf(text: string): string | undefined {
  return URL.parse(text)?.protocol;
}
