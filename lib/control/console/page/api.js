/**
 * Calls the API of the control plane that served this page; the browser adds the session cookie.
 * All paths are relative to the page, which may lie below a path of a reverse proxy.
 */

export class LoggedOut extends Error {}

/**
 * Returns the JSON of the response. Throws `LoggedOut`, or an error with the control plane's
 * message.
 */
export async function get(path) {
  return (await ask(path, {})).json();
}

export async function post(path, body = {}) {
  await ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function ask(path, options) {
  const response = await fetch(path, { ...options, cache: "no-store", redirect: "error" });
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const text = body.error?.message ?? `the control plane responded ${response.status}`;
  throw response.status === 401 ? new LoggedOut(text) : new Error(text);
}
