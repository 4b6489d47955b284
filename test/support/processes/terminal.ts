/** A command of the binary at a terminal of its own, as a person sees it. */

export interface AtTerminal {
  dataDir: string;
  /** What is typed once a text has been seen. */
  answers?: [seen: string, typed: string][];
  columns?: number;
}

/** All that was written to the terminal. */
export async function atTerminal(words: string, options: AtTerminal): Promise<string> {
  const { dataDir, answers = [], columns = 80 } = options;
  const binary = new URL("../../../dist/wsctl", import.meta.url).pathname;
  const line = `stty cols ${columns} rows 24; ${binary} ${words} --data-dir ${dataDir}`;
  const child = Bun.spawn(["script", "-qec", line, "/dev/null"], {
    stdin: "pipe",
    stdout: "pipe",
    env: { PATH: process.env.PATH ?? "", HOME: dataDir, TERM: "xterm" },
  });
  const open = [...answers];
  let seen = "";
  const decoder = new TextDecoder();
  for await (const piece of child.stdout) {
    seen += decoder.decode(piece, { stream: true });
    const [next] = open;
    if (next === undefined || !seen.includes(next[0])) continue;
    open.shift();
    child.stdin.write(next[1]);
    child.stdin.flush();
  }
  return seen;
}
