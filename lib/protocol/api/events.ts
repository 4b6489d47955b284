/** Events of the control plane, and the webhooks that get them. */
import * as v from "valibot";
import type { JsonObject } from "../json.ts";
import { ResourceName } from "../names.ts";

export const eventTypes = [
  ...(["job.created", "job.ended", "job.failed", "request.ended"] as const),
  ...(["approval.pending", "schedule.failed"] as const),
  ...(["agent.connected", "agent.offline", "agent.fenced", "agent.pending"] as const),
  "disk.low",
] as const;
export type EventType = (typeof eventTypes)[number];

/** One event, derived from the log. Several can have the sequence of one entry. */
export interface ControlPlaneEvent {
  /** The sequence of the entry in the log. */
  sequence: number;
  type: EventType;
  /** ISO 8601. */
  at: string;
  /** The ids and the facts, in the names of the API. */
  data: JsonObject;
}

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
export interface DeadLetter {
  sequence: number;
  type: EventType;
  at: string;
  reason: string;
}

export interface WebhookView extends WebhookRequest {
  created_at: string;
  created_by: string;
  created_by_name?: string;
  /** The last entry whose events were delivered or given up. */
  delivered_through: number;
  /** Why the current delivery is repeated. */
  failing?: string;
  dead_letters: DeadLetter[];
}

/** The only response that has the secret. */
export interface NewWebhook extends WebhookView {
  /** For the signature of Standard Webhooks: `whsec_` and base64. */
  secret: string;
}

/** The response of `POST /api/v1/webhooks/NAME/test`. */
export interface WebhookTest {
  delivered: boolean;
  /** The HTTP status, or why there is none. */
  answer: string;
}

function protocolOf(text: string): string | undefined {
  return URL.parse(text)?.protocol;
}
