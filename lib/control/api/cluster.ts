/** The HTTP route of the state of the cluster. */
import { WsctlError } from "../../protocol/errors.ts";
import type { Route } from "./route.ts";

export const clusterRoutes: Route[] = [
  {
    method: "GET",
    path: "/api/v1/cluster",
    permission: "cluster.read",
    handle: async ({ c, seat, engine }) => {
      if (seat !== undefined) return c.json(await seat.status(engine.sizes.sessions));
      const text = "This control plane is not a node of a cluster. See wsctl serve --cluster";
      throw new WsctlError("NOT_FOUND", text);
    },
  },
];
