/** The JSON documents of `docs/schemas/`, by their paths; `npm run reference` writes them. */
import { openApi } from "./openApi.ts";
import { sessionAsyncApi } from "./sessionDocument.ts";
import { asyncApi, wireJsonSchema } from "./wireDocuments.ts";

const documents = {
  "docs/schemas/openapi.json": openApi,
  "docs/schemas/asyncapi-standard.json": () => asyncApi("standard"),
  "docs/schemas/asyncapi-wsctl.v1.json": () => asyncApi("wsctl.v1"),
  "docs/schemas/asyncapi-wsctl.client.v1.json": sessionAsyncApi,
  "docs/schemas/messages-standard.schema.json": () => wireJsonSchema("standard"),
  "docs/schemas/messages-wsctl.v1.schema.json": () => wireJsonSchema("wsctl.v1"),
};

export const documentPages: Readonly<Record<string, () => string>> = Object.fromEntries(
  Object.entries(documents).map(([path, build]) => [
    path,
    () => `${JSON.stringify(build(), null, 2)}\n`,
  ]),
);
