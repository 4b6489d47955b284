/** What the routes of events and webhooks answer. */
import {
  ControlPlaneEvent,
  NewWebhook,
  WebhookTest,
  WebhookView,
} from "../../lib/protocol/api/events.ts";
import { made } from "./answers.ts";
import { gone, type Operation, ok } from "./operation.ts";
import { optionalText, query } from "./parameters.ts";

export const eventOperations: Readonly<Record<string, Operation>> = {
  "GET /api/v1/events": {
    id: "streamEvents",
    summary: "Stream events as server-sent events, each with a `ControlPlaneEvent` as its data",
    answers: [
      { status: 200, what: "The events", schema: ControlPlaneEvent, type: "text/event-stream" },
    ],
    parameters: [
      query("after", "Events after this sequence; without it, new ones.", { type: "integer" }),
      optionalText("since"),
      query("types", "Only these types, separated by commas.", { type: "string" }),
    ],
  },
  "POST /api/v1/webhooks": {
    id: "createWebhook",
    summary: "Send events to an address",
    answers: [{ status: 201, what: "The webhook with its secret", schema: NewWebhook }],
  },
  "GET /api/v1/webhooks": {
    id: "listWebhooks",
    summary: "List webhooks",
    answers: ok(made.WebhookPage, "All webhooks, without secrets"),
  },
  "GET /api/v1/webhooks/:name": {
    id: "getWebhook",
    summary: "Show a webhook with its dead letters",
    answers: ok(WebhookView, "The webhook"),
  },
  "POST /api/v1/webhooks/:name/test": {
    id: "testWebhook",
    summary: "Send a test event to a webhook",
    answers: ok(WebhookTest, "What the receiver answered"),
  },
  "DELETE /api/v1/webhooks/:name": {
    id: "deleteWebhook",
    summary: "Delete a webhook",
    answers: gone,
  },
};
