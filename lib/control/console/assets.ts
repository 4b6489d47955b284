/**
 * The files of the console page, embedded in the executable. `scripts/consoleBundle.ts` makes the
 * script and the style sheet from `page/`.
 */
import app from "../../../dist/console/app.js" with { type: "text" };
import style from "../../../dist/console/style.css" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import page from "./page/index.html" with { type: "text" };

export interface Asset {
  path: string;
  type: string;
  text: string;
}

export const assets: readonly Asset[] = [
  // Bun has a special type for HTML imports; imported as text it is a string.
  { path: "/", type: "text/html; charset=utf-8", text: String(page) },
  { path: "/console/style.css", type: "text/css; charset=utf-8", text: style },
  { path: "/console/icon.svg", type: "image/svg+xml", text: icon },
  { path: "/console/app.js", type: "text/javascript; charset=utf-8", text: app },
];
