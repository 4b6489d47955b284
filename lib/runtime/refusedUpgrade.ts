/**
 * Why a server refused a WebSocket upgrade. The clients of both runtimes tell only the status, so
 * the address is requested again without an upgrade and without credentials: if the status is the
 * same, the text of this response is the reason, and the credentials are not.
 */
import { escapeControls } from "../escapeControls.ts";
import type { ErrorBody } from "../protocol/api/views.ts";
import type { RefusedUpgrade } from "./runtime.ts";

const timeoutMs = 5_000;
const bodyBytesMax = 4_096;
const shownCharsMax = 200;

/** Returns the status if the reason is that of a refused upgrade. */
export function refusedStatus(reason: string): number | undefined {
  const [, status] =
    /(?:Expected 101 status code|Unexpected server response): (\d{3})/.exec(reason) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** @param url The WebSocket URL. */
export async function explainRefusal(
  url: string,
  status: number,
  fetchIt: typeof fetch,
): Promise<RefusedUpgrade> {
  try {
    const response = await fetchIt(url.replace(/^ws/, "http"), {
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = formatBody(await readHead(response));
    // A proxy that loses the Upgrade header answers alike: the control plane got a plain request.
    return response.status === status ? { status, body: text } : { status };
  } catch {
    // The status alone is reported: the address answers once more, or not.
    return { status };
  }
}

export function formatRefusal({ status, body }: RefusedUpgrade): string {
  const detail = body === undefined || body === "" ? "" : `: ${body}`;
  return `the WebSocket upgrade was refused with status ${status}${detail}`;
}

async function readHead(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const parts: Uint8Array[] = [];
  for (let bytes = 0; bytes < bodyBytesMax; ) {
    const { done, value } = await reader.read();
    if (done || value === undefined) break;
    parts.push(value);
    bytes += value.length;
  }
  // The rest is not needed, so errors of the connection are ignored.
  reader.cancel().catch(() => {});
  return Buffer.concat(parts).toString("utf8", 0, bodyBytesMax);
}

/** Returns the message of an error of wsctl, or the first words of a page. */
function formatBody(text: string): string {
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    if (typeof error.message === "string") return escapeControls(error.message);
  } catch {
    // No error body of wsctl.
  }
  const words = text.replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/gi, " ").replace(/\s+/g, " ");
  return escapeControls(words.trim().slice(0, shownCharsMax));
}
