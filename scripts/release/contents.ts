/** What every package of wsctl has beside the binary. A binary that runs here writes the texts. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const root = new URL("../..", import.meta.url).pathname;

export const { version, description } = manifest;

/** The time of every file, in seconds: a package must not depend on when it was made. */
export const epoch = 1_767_225_600;

export const maintainer = "wsctl maintainers <maintainers@wsctl.invalid>";

export const shells = ["bash", "zsh", "fish"] as const;
export const units = ["serve", "agent"] as const;

export interface Contents {
  completions: Record<(typeof shells)[number], string>;
  /** The systemd units, with `/usr/bin/wsctl`. */
  units: Record<(typeof units)[number], string>;
  /** The definition of a service of Windows. */
  windowsService: string;
  manPage: Uint8Array;
  license: string;
  changes: Uint8Array;
}

/** @param binary one that runs on this machine */
export function readContents(binary: string): Contents {
  const unitOf = (name: string) =>
    run(binary, "service", "print", name).replaceAll(
      /^ExecStart=\S+/gm,
      "ExecStart=/usr/bin/wsctl",
    );
  return {
    completions: {
      bash: run(binary, "completion", "bash"),
      zsh: run(binary, "completion", "zsh"),
      fish: run(binary, "completion", "fish"),
    },
    units: { serve: unitOf("serve"), agent: unitOf("agent") },
    windowsService: readFileSync(join(root, "docs/examples/deploy/wsctl-agent.xml"), "utf8"),
    manPage: readFileSync(join(root, "docs/man/wsctl.1")),
    license: readFileSync(join(root, "LICENSE"), "utf8"),
    changes: readFileSync(join(root, "CHANGELOG.md")),
  };
}

/** Returns a function that writes files below a directory. */
export function filesBelow(tree: string) {
  return (path: string, content: string | Uint8Array, mode = 0o644): void => {
    const file = join(tree, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
}

/** Runs a program and returns its standard output. */
export function run(...command: string[]): string {
  const env = { ...process.env, SOURCE_DATE_EPOCH: `${epoch}` };
  const { success, stdout, stderr } = Bun.spawnSync(command, { env });
  if (!success) throw new Error(`${command[0]} failed: ${stderr}`);
  return `${stdout}`;
}
