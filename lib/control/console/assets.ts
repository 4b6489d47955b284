/** The files of the console page, embedded in the executable. */
import api from "./page/api.js" with { type: "text" };
import app from "./page/app.js" with { type: "text" };
import words from "./page/format.js" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import page from "./page/index.html" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import rows from "./page/tableRows.js" with { type: "text" };
import views from "./page/views.js" with { type: "text" };

export interface Asset {
  path: string;
  type: string;
  text: string;
}

const script = "text/javascript; charset=utf-8";

export const assets: readonly Asset[] = [
  // Bun has a special type for HTML imports; imported as text it is a string.
  { path: "/", type: "text/html; charset=utf-8", text: String(page) },
  { path: "/console/style.css", type: "text/css; charset=utf-8", text: style },
  { path: "/console/icon.svg", type: "image/svg+xml", text: icon },
  { path: "/console/app.js", type: script, text: app },
  { path: "/console/api.js", type: script, text: api },
  { path: "/console/views.js", type: script, text: views },
  { path: "/console/tableRows.js", type: script, text: rows },
  { path: "/console/format.js", type: script, text: words },
];
