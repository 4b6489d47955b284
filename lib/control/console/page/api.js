/** The way to the control plane that served this page; the browser adds who asks. */

export class LoggedOut extends Error {}

/** The answer's JSON; throws `LoggedOut`, or an error in the control plane's words. */
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
  const text = body.error?.message ?? `the control plane answered ${response.status}`;
  throw response.status === 401 ? new LoggedOut(text) : new Error(text);
}
