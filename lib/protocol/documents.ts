/**
 * The machine-readable documents of `docs/schemas/`, which `npm run reference` writes from the
 * schemas. Each is loaded when it is asked for.
 */
import type { JsonObject } from "./json.ts";

/** `standard`: what every peer speaks. `wsctl.v1`: with what a peer may ask for. */
export type PeerProtocol = "standard" | "wsctl.v1";

export const peerProtocols: readonly PeerProtocol[] = ["standard", "wsctl.v1"];

/** The OpenAPI document of the HTTP API. */
export async function loadOpenApi(): Promise<JsonObject> {
  const file = await import("../../docs/schemas/openapi.json", { with: { type: "json" } });
  return file.default;
}

/** Describes the WebSocket as AsyncAPI 3. */
export async function loadAsyncApi(protocol: PeerProtocol): Promise<JsonObject> {
  const { default: document } =
    protocol === "standard"
      ? await import("../../docs/schemas/asyncapi-standard.json", { with: { type: "json" } })
      : await import("../../docs/schemas/asyncapi-wsctl.v1.json", { with: { type: "json" } });
  return document;
}

/** Describes the messages of the WebSocket as JSON Schema. */
export async function loadMessageSchema(protocol: PeerProtocol): Promise<JsonObject> {
  const { default: document } =
    protocol === "standard"
      ? await import("../../docs/schemas/messages-standard.schema.json", { with: { type: "json" } })
      : await import("../../docs/schemas/messages-wsctl.v1.schema.json", {
          with: { type: "json" },
        });
  return document;
}
