/**
 * Retries transfers after network errors and temporary server errors, with growing random delays,
 * while there is progress from time to time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { plainReason } from "../network/connectionError.ts";
import { describeProxy } from "../network/proxyRules.ts";
import type { ErrorBody } from "../protocol/api/views.ts";
import { type ErrorCode, isErrorCode, WsctlError } from "../protocol/errors.ts";

/** A response other than success. Below 500, only three statuses are temporary. */
export class HttpFailure extends WsctlError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string) {
    super(code, message);
    this.status = status;
  }
}

export interface RetryPolicy {
  signal?: AbortSignal | undefined;
  /** The transfer fails if nothing was transferred for this long. */
  patienceMs?: number | undefined;
}

const patienceMsDefault = 5 * 60 * 1000;
const pauseMinMs = 200;
const pauseMaxMs = 10_000;

/**
 * The maximum number of attempts without lasting progress, because each one may send a whole file.
 */
const fruitlessRetriesMax = 20;

/** A full store rarely has more space after a retry. */
const fullMax = 3;

export interface RetryProgress {
  /** Reports that bytes were transferred, although they may have to be sent again. */
  moved(): void;
  /** Reports that bytes were transferred and stored. */
  kept(): void;
}

/**
 * Runs a transfer until it succeeds. Throws its error if that is permanent, or after the timeout.
 */
export async function withRetry<T>(
  patience: RetryPolicy,
  run: (progress: RetryProgress) => Promise<T>,
): Promise<T> {
  const { signal, patienceMs = patienceMsDefault } = patience;
  let movedAt = performance.now();
  let pauseMs = pauseMinMs;
  let fullCount = 0;
  let vainCount = 0;
  let isFruitless = false;
  const moved = () => {
    movedAt = performance.now();
    pauseMs = pauseMinMs;
    isFruitless = true;
  };
  const kept = () => {
    moved();
    vainCount = 0;
    isFruitless = false;
  };
  for (;;) {
    try {
      isFruitless = false;
      return await run({ moved, kept });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HttpFailure && error.status === 507) fullCount++;
      if (isFruitless) vainCount++;
      const isLate = performance.now() - movedAt > patienceMs;
      if (isLate || fullCount >= fullMax || vainCount >= fruitlessRetriesMax || !isTransient(error))
        throw error;
    }
    await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, signal ? { signal } : {});
    pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
  }
}

function isTransient(error: unknown): boolean {
  if (error instanceof HttpFailure) {
    return error.status >= 500 || [408, 409, 429].includes(error.status);
  }
  return error instanceof WsctlError && error.code === "UNREACHABLE";
}

/** Wraps a connection error: the other side may be reachable later. */
export function unreachable(url: URL, cause: unknown): WsctlError {
  const text = `Connection to ${url.origin} failed: ${plainReason(cause)}`;
  return new WsctlError("UNREACHABLE", text, { cause });
}

/** Builds an error from a failed response; an object storage responds with XML. */
export function buildHttpFailure(status: number, text: string, url: URL): HttpFailure {
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    if (isErrorCode(error.code)) return new HttpFailure(status, error.code, error.message);
  } catch {
    // Not an error body of wsctl.
  }
  const word = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1];
  const code = status === 403 ? "FORBIDDEN" : status === 404 ? "NOT_FOUND" : "UNREACHABLE";
  const answer = word === undefined ? String(status) : `${status} ${word}`;
  const via = describeProxy(url.href, process.env);
  return new HttpFailure(status, code, `${url.origin}${via} responded ${answer}`);
}

/** Aborts if `alive` was not called for `silenceMs`, or if the given signal is aborted. */
export function newWatchdog(silenceMs: number, outer: AbortSignal | undefined) {
  const abort = new AbortController();
  const bark = () => abort.abort(new Error(`no progress for ${silenceMs / 1000} seconds`));
  let timer = setTimeout(bark, silenceMs);
  const onOuter = () => abort.abort(outer?.reason);
  if (outer?.aborted) onOuter();
  outer?.addEventListener("abort", onOuter, { once: true });
  return {
    signal: abort.signal,
    alive(): void {
      clearTimeout(timer);
      timer = setTimeout(bark, silenceMs);
    },
    end(): void {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onOuter);
    },
  };
}
