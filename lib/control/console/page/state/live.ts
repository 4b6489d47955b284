/**
 * Keeps what a page shows up to date: it asks again after each answer, less often while the control
 * plane does not respond, and not at all while the page is hidden.
 */
import { signal } from "@preact/signals";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { LoggedOut, Unreachable } from "./api.ts";
import { endSession, onLogout } from "./session.ts";

export interface Connection {
  is: "live" | "reconnecting";
  /** Milliseconds since 1970. */
  since: number;
}

export const connection = signal<Connection>({ is: "live", since: Date.now() });

/** The time of the last answer, in milliseconds since 1970. */
export const updatedAt = signal(0);

const refusedMs = 10_000;
const retryMsMin = 500;
const retryMsMax = 8_000;
const known = new Map<string, unknown>();
/** Pages that have not been shown for a while are read again. */
const knownMax = 50;

onLogout(() => known.clear());

export interface Live<T> {
  data: T | undefined;
  /** Why the control plane refused; empty if it did not. */
  error: string;
  refresh(): void;
}

export interface LiveOptions<T> {
  everyMs?: number;
  /** Whether nothing can change any more. */
  isOver?: (data: T) => boolean;
}

/** Reads `load` again and again while the component is shown. The key names what is read. */
export function useLive<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  { everyMs = 2_000, isOver = () => false }: LiveOptions<T> = {},
): Live<T> {
  const [state, setState] = useState<{ key: string; data?: T | undefined; error: string }>();
  const wake = useRef<() => void>(() => {});
  const current = useRef({ load, isOver });
  current.current = { load, isOver };
  useEffect(() => {
    const loop = poll<T>({
      everyMs,
      load: (signal) => current.current.load(signal),
      isOver: (data) => current.current.isOver(data),
      onData: (data) => {
        remember(key, data);
        setState({ key, data, error: "" });
      },
      onError: (error) => setState((last) => ({ key, data: last?.data, error })),
    });
    wake.current = loop.wake;
    return loop.stop;
  }, [key, everyMs]);
  const refresh = useCallback(() => wake.current(), []);
  const isCurrent = state?.key === key;
  const data = isCurrent && state.data !== undefined ? state.data : (known.get(key) as T);
  return { data, error: isCurrent ? state.error : "", refresh };
}

function remember(key: string, data: unknown): void {
  known.delete(key);
  known.set(key, data);
  const [oldest] = known.keys();
  if (known.size > knownMax && oldest !== undefined) known.delete(oldest);
}

export interface Poll<T> {
  everyMs: number | ((data: T) => number);
  load(signal: AbortSignal): Promise<T>;
  isOver(data: T): boolean;
  onData(data: T): void;
  onError(text: string): void;
}

/** The polls of what is shown at the moment. */
const polls = new Set<() => void>();

/** Something has happened: everything shown is read as soon as it may be. */
export function nudge(): void {
  for (const each of polls) each();
}

const gapMsMin = 500;

/** Starts to read; `wake` reads at once. */
export function poll<T>({ everyMs, load, isOver, onData, onError }: Poll<T>) {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isReading = false;
  let isWoken = false;
  let isStale = false;
  let endedAt = 0;
  /** A list that takes long to read is not read at every event. */
  let gapMs = gapMsMin;
  const read = async () => {
    if (isReading || abort.signal.aborted) {
      isWoken = true;
      return;
    }
    clearTimeout(timer);
    timer = undefined;
    if (document.hidden) return;
    isReading = true;
    isStale = false;
    isWoken = false;
    const began = performance.now();
    let next: number | undefined;
    try {
      const data = await load(abort.signal);
      if (abort.signal.aborted) return;
      failures = 0;
      setConnection("live");
      updatedAt.value = Date.now();
      // What takes long to read is read less often.
      const ms = typeof everyMs === "number" ? everyMs : everyMs(data);
      gapMs = Math.max(gapMsMin, 4 * (performance.now() - began), ms / 4);
      if (!isOver(data)) next = Math.max(ms, 4 * (performance.now() - began));
      onData(data);
    } catch (error) {
      if (abort.signal.aborted) return;
      if (error instanceof LoggedOut) return endSession("You are logged out.");
      if (error instanceof Unreachable) {
        setConnection("reconnecting");
        next = Math.min(retryMsMax, retryMsMin * 2 ** failures++) * (0.5 + Math.random() / 2);
      } else {
        setConnection("live");
        next = refusedMs;
        onError((error as Error).message);
      }
    } finally {
      isReading = false;
      endedAt = performance.now();
    }
    if (isWoken) void read();
    else if (next !== undefined) {
      // What happened while it was read may be missing.
      timer = setTimeout(read, isStale && failures === 0 ? Math.min(next, gapMs) : next);
    }
  };
  const seen = () => {
    if (!document.hidden) void read();
  };
  const nudged = () => {
    // What cannot change any more, or waits after a failure, is left alone.
    isStale = isReading;
    if (timer === undefined || isReading || failures > 0) return;
    clearTimeout(timer);
    timer = setTimeout(read, Math.max(0, endedAt + gapMs - performance.now()));
  };
  polls.add(nudged);
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", seen);
  void read();
  return {
    wake: () => void read(),
    stop: () => {
      abort.abort();
      polls.delete(nudged);
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", seen);
    },
  };
}

function setConnection(is: Connection["is"]): void {
  if (connection.peek().is !== is) connection.value = { is, since: Date.now() };
}
