/**
 * Records a short session of the binary for the README: `npm run recording` writes
 * docs/images/tour.svg. Each command runs in a pseudo-terminal (`script` of util-linux), which
 * notes when it wrote what; only the typing is made up.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Screen } from "./recording/screen.ts";
import { animatedSvg, type Frame } from "./recording/svg.ts";

const root = new URL("..", import.meta.url).pathname;
const columns = 88;
const rows = 25;
const typeMs = 45;
const lookMs = 1_300;
const pauseMsMax = 700;
const prompt = "\x1b[32m$\x1b[0m ";

const home = mkdtempSync(join(tmpdir(), "wsctl-recording-"));
const env: Record<string, string> = {
  PATH: `${home}/bin:${process.env.PATH ?? ""}`,
  HOME: home,
  TERM: "xterm-256color",
  LANG: "C.UTF-8",
  WSCTL_DATA_DIR: join(home, "data"),
  WSCTL_COMMANDS_DIR: join(home, "commands.d"),
  WSCTL_PORT: "0",
};

const session = [
  "wsctl agents",
  "wsctl send ping --all",
  "wsctl send deploy --all --param version=v7 --canary 1",
  "wsctl send restart --target 'env=prod,!canary'",
];

const deploy = `description = "Deploy a version"
argv = ["sh", "-c", 'echo "fetching $0"; sleep 0.4; echo "restarting"; sleep 0.3', "{version}"]

[parameters]
required = ["version"]
[parameters.properties.version]
type = "string"
`;

const running: (() => Promise<void>)[] = [];
try {
  mkdirSync(join(home, "bin"));
  mkdirSync(join(home, "commands.d"));
  symlinkSync(join(root, "dist/wsctl"), join(home, "bin/wsctl"));
  writeFileSync(join(home, "commands.d/deploy.toml"), deploy);
  await start(["serve"], /serving on/);
  for (const [id, labels] of [
    ["web-1", "env=prod"],
    ["web-2", "env=prod"],
    ["web-3", "env=prod,canary=yes"],
  ] as const) {
    const flags = labels.split(",").flatMap((label) => ["--label", label]);
    await start(["agent", "--id", id, ...flags], /connected/);
  }
  const frames = record();
  const title = "A terminal session: wsctl sends commands to three agents";
  const picture = { columns, rows, title, endMs: 6_000 };
  const svg = animatedSvg(frames, picture);
  writeFileSync(join(root, "docs/images/tour.svg"), svg);
  console.log(`docs/images/tour.svg: ${frames.length} frames, ${svg.length} bytes`);
} finally {
  for (const stop of running.reverse()) await stop();
  rmSync(home, { recursive: true, force: true });
}

function record(): Frame[] {
  const screen = new Screen(columns, rows);
  const frames: Frame[] = [];
  let atMs = 0;
  const shoot = () => void frames.push({ atMs, lines: screen.snapshot() });
  for (const command of session) {
    screen.write(prompt);
    shoot();
    atMs += 500;
    // A few letters a frame: one frame for each would double the size of the picture.
    for (const piece of command.match(/.{1,5}/gs) ?? []) {
      screen.write(piece);
      atMs += piece.length * typeMs;
      shoot();
    }
    atMs += 250;
    screen.write("\r\n");
    for (const { afterMs, text } of inTerminal(command)) {
      atMs += Math.min(afterMs, pauseMsMax);
      screen.write(text);
      shoot();
    }
    atMs += lookMs;
  }
  screen.write(prompt);
  shoot();
  return merged(frames);
}

/** Frames that follow within a sixtieth of a second are one: no screen shows more. */
function merged(frames: Frame[]): Frame[] {
  return frames.filter((frame, at) => {
    const next = frames[at + 1];
    return next === undefined || next.atMs - frame.atMs > 16;
  });
}

/** Runs a command in a pseudo-terminal; returns what it wrote, and the pauses between. */
function inTerminal(command: string): { afterMs: number; text: string }[] {
  const log = join(home, "out");
  const timing = join(home, "timing");
  const line = `stty cols ${columns} rows ${rows}; ${command}`;
  const words = ["-q", "-e", "-f", "--log-out", log, "--log-timing", timing, "-c", line];
  const { status } = spawnSync("script", words, { env, stdio: "ignore" });
  if (status !== 0) throw new Error(`"${command}" ended with status ${status}`);
  // `script` writes a line of its own before and after.
  const bytes = readFileSync(log);
  let from = bytes.indexOf(10) + 1;
  const decoder = new TextDecoder();
  const pieces = readFileSync(timing, "utf8").trim().split("\n");
  return pieces.map((piece) => {
    const [seconds = "0", size = "0"] = piece.replace(/^O /, "").split(" ");
    const text = decoder.decode(bytes.subarray(from, from + Number(size)), { stream: true });
    from += Number(size);
    return { afterMs: Number(seconds) * 1000, text };
  });
}

/** Starts a process that serves, and waits for the line that says it is ready. */
async function start(args: string[], ready: RegExp): Promise<void> {
  const child = spawn("wsctl", args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  running.push(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (status) => reject(new Error(`wsctl ${args[0]} ended with ${status}`)));
    createInterface({ input: child.stderr }).on("line", (line) => ready.test(line) && resolve());
  });
}
