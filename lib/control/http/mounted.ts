/** A control plane as a part of the application of another program. */
import type { Hono } from "hono";

export interface Mount {
  into: Hono;
  /** The path below which the control plane is, such as `/fleet`. */
  path: string;
}

/** The application that is served: the control plane, or the one that it is a part of. */
export function mounted(mount: Mount | undefined, app: Hono): Hono {
  if (mount === undefined) return app;
  const { into, path } = mount;
  // The request stays the same object, which Bun needs for an upgrade; `basePaths` has the path.
  into.mount(path, (request, env) => app.fetch(request, env), { replaceRequest: false });
  return into;
}
