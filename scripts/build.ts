/** Builds `dist/wsctl`: one file with everything in it, for this machine or for `--target NAME`. */
import { parseArgs } from "node:util";

export interface BuildOptions {
  /** A target of `bun build --compile`, such as `bun-linux-arm64`; by default this machine. */
  target?: string | undefined;
  outfile: string;
  /** With failpoints and the command that tests run: never to be given to anybody. */
  isTestBuild?: boolean;
}

export async function build(options: BuildOptions): Promise<void> {
  const args = [
    "build",
    "cmd/wsctl.ts",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    // A compiled binary would read settings, and code, from whatever directory it is started in.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--define",
    `WSCTL_TEST_BUILD=${options.isTestBuild === true}`,
    ...(options.target === undefined ? [] : [`--target=${options.target}`]),
    `--outfile=${options.outfile}`,
  ];
  const root = new URL("..", import.meta.url).pathname;
  const done = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await new Response(done.stdout).text();
  const errors = await new Response(done.stderr).text();
  if ((await done.exited) !== 0) throw new Error(`bun build failed:\n${output}${errors}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      target: { type: "string" },
      outfile: { type: "string", default: "dist/wsctl" },
      "test-build": { type: "boolean", default: false },
    },
  });
  await build({
    target: values.target,
    outfile: values.outfile,
    isTestBuild: values["test-build"],
  });
  console.log(`built ${values.outfile}`);
}
