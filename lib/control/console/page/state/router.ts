/**
 * The address of each page is in the fragment, such as `#/jobs/ID?status=failed`, so that it works
 * below any path of a reverse proxy.
 */
import { effect, signal } from "@preact/signals";

export interface Route {
  /** The parts of the path, such as `["jobs", "ID"]`. */
  path: readonly string[];
  query: URLSearchParams;
}

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

/** The address of a page, for links. */
export function href(path: readonly string[], query: Record<string, string> = {}): string {
  const filled = Object.entries(query).filter(([, value]) => value !== "");
  const search = new URLSearchParams(filled).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${search === "" ? "" : `?${search}`}`;
}

export function go(path: readonly string[], query: Record<string, string> = {}): void {
  location.hash = href(path, query);
}

/** Changes parts of the query in place: the history gets no entry for each letter. */
export function setQuery(changes: Record<string, string>): void {
  const { path, query } = route.peek();
  const all = { ...Object.fromEntries(query), ...changes };
  history.replaceState(null, "", href(path, all));
  route.value = parse(location.hash);
}

function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "");
  return { path: parts.map(decode), query: new URLSearchParams(search) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

let section = "";

/** The heading of a new page gets the focus, as it would after a load. */
export function focusNewPages(): void {
  effect(() => {
    const next = route.value.path.join("/");
    if (next === section) return;
    section = next;
    requestAnimationFrame(() => {
      if (document.querySelector("dialog[open]") !== null) return;
      document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
    });
  });
}
