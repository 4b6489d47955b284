/** Builds `dist/wsctl`: one file with everything in it, for this machine or for `--target NAME`. */
import { parseArgs } from "node:util";
import { ensureConsoleBundle } from "./consoleBundle.ts";

export interface BuildOptions {
  /** A target of `bun build --compile`, such as `bun-linux-arm64`; by default this machine. */
  target?: string | undefined;
  outfile: string;
  /** With failpoints and the command that tests run: never to be given to anybody. */
  isTestBuild?: boolean;
  /** Instead of the version in package.json. */
  version?: string | undefined;
  /** What is broken in it: `crash`, `mute` or `migrate`; for tests of updates alone. */
  fault?: string | undefined;
}

/** The threads, which the binary starts by their paths. */
export const threadFiles = [
  "lib/cluster/nats/natsThread.ts",
  "lib/control/journal/feed/indexThread.ts",
];

export async function build(options: BuildOptions): Promise<void> {
  await ensureConsoleBundle();
  const args = [
    "build",
    "cmd/wsctl.ts",
    ...threadFiles,
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    // What a command does not need is not loaded for it.
    "--splitting",
    // Nor compiled further where it runs a few times and is over; a server takes this back.
    "--compile-jit-policy=8",
    // A compiled binary would read settings, and code, from whatever directory it is started in.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--define",
    `WSCTL_TEST_BUILD=${options.isTestBuild === true}`,
    ...(options.version === undefined ? [] : defined("WSCTL_VERSION", options.version)),
    ...(options.fault === undefined ? [] : defined("WSCTL_FAULT", options.fault)),
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

function defined(name: string, text: string): string[] {
  return ["--define", `${name}=${JSON.stringify(text)}`];
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      target: { type: "string" },
      outfile: { type: "string", default: "dist/wsctl" },
      "test-build": { type: "boolean", default: false },
      version: { type: "string" },
      fault: { type: "string" },
    },
  });
  await build({
    target: values.target,
    outfile: values.outfile,
    isTestBuild: values["test-build"],
    version: values.version,
    fault: values.fault,
  });
  console.log(`built ${values.outfile}`);
}
