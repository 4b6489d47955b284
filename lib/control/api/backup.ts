/** The HTTP route that streams a backup of the control plane. */
import { createBackup } from "../backup/createBackup.ts";
import type { Route, RouteContext } from "./route.ts";

export const backupRoutes: Route[] = [
  {
    method: "GET",
    path: "/api/v1/backup",
    permission: "backup.create",
    notInConsole: true,
    action: "backup.create",
    outlives: true,
    handle: streamBackup,
  },
];

/** Streams a tar archive. `?secrets=true` includes the key of the certificate authority. */
function streamBackup({ c, engine, token, dataDir, now }: RouteContext): Response {
  const withSecrets = c.req.query("secrets") === "true";
  const pieces = createBackup({ dataDir, journal: engine.journal, withSecrets, now });
  let end: unknown;
  const release = engine.responseStreams.waitForEnd(token.tokenId, () => {
    end = new Error("the token has ended");
  });
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        if (end !== undefined) throw end;
        const { done, value } = await pieces.next();
        if (!done) return controller.enqueue(value);
        release();
        controller.close();
      } catch (error) {
        release();
        controller.error(error);
      }
    },
    async cancel() {
      release();
      await pieces.return(undefined);
    },
  });
  return new Response(stream, { headers: { "Content-Type": "application/x-tar" } });
}
