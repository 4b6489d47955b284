import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchFiles } from "../../../../lib/agent/supervisor/fetchedFiles.ts";
import { temporaryDir } from "../../../support/processes/processes.ts";

const start = ({ argv: [file = "", ...args] }: { argv: string[] }) => {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  return { child, stdout: child.stdout, stderr: child.stderr };
};

async function fetchWith(argv: string[], signal: AbortSignal) {
  using above = temporaryDir();
  const dir = join(above, "files");
  const fetching = { argv, env: {}, stdin: "", dir };
  const fault = await fetchFiles(fetching, { owner: undefined, signal, spawn: start });
  return { fault, isMade: existsSync(dir) };
}

describe("fetchFiles()", () => {
  const { signal } = new AbortController();

  test("returns nothing when the program has fetched the files into the directory", async () => {
    expect(await fetchWith(["/bin/true"], signal)).toEqual({ fault: undefined, isMade: true });
  });

  test("returns what the program complains about", async () => {
    const { fault } = await fetchWith(["/bin/sh", "-c", "echo gone >&2; exit 1"], signal);
    expect(fault).toBe("gone");
  });

  test("ends the program when it is aborted", async () => {
    const controller = new AbortController();
    const fetched = fetchWith(["/bin/sleep", "600"], controller.signal);
    controller.abort();
    expect((await fetched).fault).toBe("the program that fetches the files was killed");
  });

  test("returns the reason if the directory exists or the program cannot start", async () => {
    using above = temporaryDir();
    writeFileSync(join(above, "there"), "");
    const fetching = { argv: ["/bin/true"], env: {}, stdin: "", dir: join(above, "there") };
    const options = { owner: undefined, signal, spawn: start };
    expect(await fetchFiles(fetching, options)).toContain("EEXIST");
    expect((await fetchWith(["/nowhere"], signal)).fault).toContain("ENOENT");
  });
});
