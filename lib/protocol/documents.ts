/**
 * The machine-readable documents of `docs/schemas/`, which `npm run reference` writes from the
 * schemas. Each is loaded when it is asked for.
 */
import type { JsonObject } from "./json.ts";

/** `standard`: what every peer speaks. `wsctl.v1`: with what a peer may ask for. */
export type PeerProtocol = "standard" | "wsctl.v1";

export const peerProtocols: readonly PeerProtocol[] = ["standard", "wsctl.v1"];

/** What is described as AsyncAPI: the connections of agents, and the sessions of operators. */
export type SocketProtocol = PeerProtocol | "wsctl.client.v1";

export const socketProtocols: readonly SocketProtocol[] = [...peerProtocols, "wsctl.client.v1"];

/** The OpenAPI document of the HTTP API. */
export async function loadOpenApi(): Promise<JsonObject> {
  const file = await import("../../docs/schemas/openapi.json", { with: { type: "json" } });
  return file.default;
}

/** Describes a WebSocket as AsyncAPI 3. */
export async function loadAsyncApi(protocol: SocketProtocol): Promise<JsonObject> {
  switch (protocol) {
    case "standard":
      return (await import("../../docs/schemas/asyncapi-standard.json", { with: { type: "json" } }))
        .default;
    case "wsctl.v1":
      return (await import("../../docs/schemas/asyncapi-wsctl.v1.json", { with: { type: "json" } }))
        .default;
    default:
      return (
        await import("../../docs/schemas/asyncapi-wsctl.client.v1.json", { with: { type: "json" } })
      ).default;
  }
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
