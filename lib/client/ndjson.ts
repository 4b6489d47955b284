/**
 * Lines of JSON from a streamed answer, each as soon as it is complete. Empty lines keep the stream
 * alive; silence beyond the limit ends it with a throw, as a dead connection would not.
 */
export async function* readLines(response: Response, silenceMs: number): AsyncGenerator<unknown> {
  const reader = (response.body ?? new ReadableStream()).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), silenceMs);
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line);
    }
  } finally {
    // Nothing more is wanted; what the connection says to that does not matter.
    reader.cancel().catch(() => {});
  }
}

async function withinSilence<T>(read: Promise<T>, silenceMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the stream has fallen silent")), silenceMs);
  });
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}
