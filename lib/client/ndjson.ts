/**
 * Reads NDJSON lines from a streamed response, each as soon as it is complete. Empty lines keep the
 * stream alive; silence beyond the limit throws, because a dead connection does not.
 */
export async function* readLines(response: Response, silenceMs: number): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of readPieces(response, silenceMs)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
}

/** Reads a streamed response. Silence beyond the limit throws. */
export async function* readPieces(
  response: Response,
  silenceMs: number,
): AsyncGenerator<Uint8Array> {
  const reader = (response.body ?? new ReadableStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), silenceMs);
      if (done) return;
      yield value;
    }
  } finally {
    // The rest is not needed, so errors of the connection are ignored.
    reader.cancel().catch(() => {});
  }
}

async function withinSilence<T>(read: Promise<T>, silenceMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no data from the stream")), silenceMs);
  });
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}
