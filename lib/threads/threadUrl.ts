/**
 * Returns the file of a thread: in the tree of sources, or in the compiled binary, where folders
 * are kept and the module that asks has another path.
 *
 * @param path from the root of the sources, such as `lib/cluster/nats/natsThread.ts`
 */
export function threadUrl(path: string): URL {
  const here = import.meta.url;
  const isCompiled = /\/(?:\$bunfs|~BUN)\//.test(here);
  return isCompiled ? new URL(path.replace(/\.ts$/, ".js"), here) : new URL(`../../${path}`, here);
}
