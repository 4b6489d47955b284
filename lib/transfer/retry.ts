/**
 * When a transfer is tried again: after faults of the network and of a server that may recover,
 * with growing pauses of random length, as long as something still moves from time to time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ErrorBody } from "../protocol/api/views.ts";
import { type ErrorCode, errorText, isErrorCode, WsctlError } from "../protocol/errors.ts";

/** An answer that was no success. Of those below 500 only three may pass by themselves. */
export class HttpFailure extends WsctlError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string) {
    super(code, message);
    this.status = status;
  }
}

export interface RetryPolicy {
  signal?: AbortSignal | undefined;
  /** Given up when nothing has moved for so long. */
  patienceMs?: number | undefined;
}

const patienceMsDefault = 5 * 60 * 1000;
const pauseMinMs = 200;
const pauseMaxMs = 10_000;

/** How often bytes may pass in vain before it is given up: a whole file is sent each time. */
const fruitlessRetriesMax = 20;

/** A full store seldom gets emptier while one waits. */
const fullMax = 3;

export interface RetryProgress {
  /** Bytes have passed; whether they are of use is not known yet. */
  moved(): void;
  /** Bytes have passed that need not pass again. */
  kept(): void;
}

/**
 * Runs it until it succeeds, told of progress by it. Throws what it threw when that is final, or
 * when patience is over.
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

/** A fault of the connection, as what it is: the other side may be reached later. */
export function unreachable(url: URL, cause: unknown): WsctlError {
  const text = `The connection to ${url.origin} failed: ${errorText(cause)}`;
  return new WsctlError("UNREACHABLE", text, { cause });
}

/** A refusal in the words of the one who refused; an object storage says it in XML. */
export function buildHttpFailure(status: number, text: string, url: URL): HttpFailure {
  try {
    const { error } = JSON.parse(text) as ErrorBody;
    if (isErrorCode(error.code)) return new HttpFailure(status, error.code, error.message);
  } catch {
    // Not one of ours.
  }
  const word = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1];
  const code = status === 403 ? "FORBIDDEN" : status === 404 ? "NOT_FOUND" : "UNREACHABLE";
  const answer = word === undefined ? String(status) : `${status} ${word}`;
  return new HttpFailure(status, code, `${url.origin} answers ${answer}`);
}

/** Aborts when `alive` was not called for so long, or when the given signal is aborted. */
export function newWatchdog(silenceMs: number, outer: AbortSignal | undefined) {
  const abort = new AbortController();
  const bark = () => abort.abort(new Error(`nothing has moved for ${silenceMs / 1000} seconds`));
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
