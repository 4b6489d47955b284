/** The page that is shown when an OpenID login failed: the reason and the next step. */
import { escapeControls } from "../../escapeControls.ts";
import { type LoginError, loginErrors } from "./loginError.ts";

/** @param basePath The path of the console's URL, without a slash at the end. */
export function errorPage({ code, subject }: LoginError, basePath: string): string {
  const { title, advice } = loginErrors[code];
  const base = escaped(basePath);
  const known =
    subject === undefined ? "" : `<p>You are <code>${escaped(subject.subject)}</code>.</p>`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} - wsctl</title>
    <link rel="icon" href="${base}/console/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="${base}/console/style.css">
  </head>
  <body>
    <header><h1>wsctl</h1></header>
    <main>
      <h2>${title}</h2>
      ${known}
      <p>${escaped(advice)}</p>
      <p><a href="${base}/">Back to the console</a></p>
    </main>
  </body>
</html>
`;
}

/** Text from a provider is untrusted. */
function escaped(text: string): string {
  return escapeControls(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
