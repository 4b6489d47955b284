/** Steps of the gate: each a command that passes or fails, shown with what it printed. */
import { TestFailures } from "./testFailures.ts";

export interface Step {
  name: string;
  command: string[];
}

const root = new URL("..", import.meta.url).pathname;

/** A tool that came with the dependencies. */
export function tool(name: string): string {
  return `${root}node_modules/.bin/${name}`;
}

export const formatStep: Step = {
  name: "format and lint",
  command: [tool("biome"), "ci", "--colors=off", "--error-on-warnings", "."],
};

export const typesStep: Step = { name: "types", command: [tool("tsc"), "-p", "."] };

/** The page of the console runs in a browser, so its types are those of a browser. */
export const pageTypesStep: Step = {
  name: "types of the console page",
  command: [tool("tsc"), "-p", "lib/control/console/page"],
};

/** Runs one step; true when it passed. Its output is shown only when it failed. */
export async function runStep(step: Step): Promise<boolean> {
  const child = Bun.spawn(step.command, { cwd: root, stdout: "pipe", stderr: "pipe" });
  const [output, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  console.log(`${status === 0 ? "ok  " : "FAIL"}  ${step.name}`);
  if (status !== 0) console.log(output + errors);
  return status === 0;
}

export interface Tally {
  passed: number;
  failed: number;
}

/** Runs Bun's tests below these paths and counts them; a run that ends badly has failed. */
export async function runTests(paths: string[], env: Record<string, string> = {}): Promise<Tally> {
  const report = `${process.env.TMPDIR ?? "/tmp"}/wsctl-tests-${process.pid}.xml`;
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  // A machine that is busy with something else takes its time; a test that hangs still ends.
  const limits = ["--timeout=60000"];
  const child = Bun.spawn([process.execPath, "test", ...limits, ...reporter, ...paths], {
    cwd: root,
    stdout: "inherit",
    stderr: "pipe",
    env: { ...process.env, ...env },
  });
  const failures = new TestFailures();
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    failures.read(chunk);
  }
  const status = await child.exited;
  // The end of a long output is what a reader sees first.
  if (failures.count > 0) console.log(failures.summary());
  const file = Bun.file(report);
  const head = (await file.exists())
    ? /<testsuites [^>]*>/.exec(await file.text())?.[0]
    : undefined;
  if (head === undefined) return { passed: 0, failed: 1 };
  await file.delete();
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count("failures");
  const passed = count("tests") - failed - count("skipped");
  return { passed, failed: failed === 0 && status !== 0 ? 1 : failed };
}
