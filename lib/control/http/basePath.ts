/**
 * The path of a request below the public URL. Some reverse proxies remove the path of the public
 * URL, others pass it on: both forms name the same resource.
 */
import { getPath } from "hono/utils/url";

/**
 * Returns a function that reads the path of a request.
 *
 * @param bases The paths of public URLs, without a slash at the end.
 */
export function pathReader(bases: readonly string[]): (request: Request) => string {
  const prefixes = bases.filter((base) => base !== "");
  return (request) => {
    const path = getPath(request);
    const prefix = prefixes.find((base) => path.startsWith(`${base}/`));
    return prefix === undefined ? path : path.slice(prefix.length);
  };
}
