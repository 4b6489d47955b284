/** The HTTP route of the OpenAPI document. */
import { loadOpenApi } from "../../protocol/documents.ts";
import type { Route } from "./route.ts";

export const openApiRoutes: Route[] = [
  {
    method: "GET",
    path: "/api/v1/openapi.json",
    permission: "self.read",
    handle: ({ c }) => loadOpenApi().then((document) => c.json(document)),
  },
];
