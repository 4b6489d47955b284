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

/** Starts to read; `wake` reads at once. */
export function poll<T>({ everyMs, load, isOver, onData, onError }: Poll<T>) {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isReading = false;
  let isWoken = false;
  const read = async () => {
    if (isReading || abort.signal.aborted) {
      isWoken = true;
      return;
    }
    clearTimeout(timer);
    if (document.hidden) return;
    isReading = true;
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
    }
    if (isWoken) void read();
    else if (next !== undefined) timer = setTimeout(read, next);
  };
  const seen = () => {
    if (!document.hidden) void read();
  };
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", seen);
  void read();
  return {
    wake: () => void read(),
    stop: () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", seen);
    },
  };
}

function setConnection(is: Connection["is"]): void {
  if (connection.peek().is !== is) connection.value = { is, since: Date.now() };
}
