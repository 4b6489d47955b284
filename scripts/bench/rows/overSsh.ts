/** The whole process of one command, beside the programs that do the same over SSH. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../freePort.ts";
import { measuredOf } from "../measure.ts";
import { start } from "../processes.ts";
import { type Goal, type Row, timesFaster } from "../row.ts";

const binary = new URL("../../../dist/wsctl", import.meta.url).pathname;
const hosts = 16;

export const overSsh: Row = {
  number: 12,
  name: "over-ssh",
  measure: `one command on ${hosts} hosts and on one, whole processes, in ms, all on this machine`,
  async run(options) {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    const serve = start([binary, "serve", "--port", "0", "--data-dir", dir]);
    await serve.says(/serving on/);
    const names = Array.from({ length: hosts }, (_, index) => `h${index + 1}`);
    const agents = names.map((id) => {
      return start([binary, "agent", "--id", id, "--data-dir", dir, "--allow-exec", "true"]);
    });
    for (const agent of agents) await agent.says(/connected/);
    const sshd = await startSshd(dir, names);
    const inventory = join(dir, "inventory");
    writeFileSync(inventory, `${names.join("\n")}\n`);
    const ssh = ["-F", sshd.config];
    const commands: Record<string, string[]> = {
      "wsctl ping": [binary, "send", "ping", "--all", "--data-dir", dir],
      "wsctl exec": [binary, "exec", "--all", "--data-dir", dir, "--", "true"],
      clush: ["clush", "-w", `h[1-${hosts}]`, "-o", ssh.join(" "), "true"],
      ansible: [
        "ansible",
        "-i",
        inventory,
        "--ssh-common-args",
        ssh.join(" "),
        "all",
        "-m",
        "ping",
      ],
      "wsctl ping, one host": [binary, "send", "ping", "--agent", "h1", "--data-dir", dir],
      "wsctl exec, one host": [binary, "exec", "--agent", "h1", "--data-dir", dir, "--", "true"],
      "ssh, one host": ["ssh", ...ssh, "h1", "true"],
    };
    const took = new Map<string, number[]>();
    const rounds = options.isQuick ? 2 : 5;
    for (let round = 0; round < rounds; round++) {
      for (const [name, [file = "", ...args]] of Object.entries(commands)) {
        if (Bun.which(file) === null) {
          if (round === 0) options.say(`${name} is left out: ${file} is not installed`);
          continue;
        }
        const from = performance.now();
        const { status, stderr } = spawnSync(file, args, { env: { ...process.env, HOME: dir } });
        if (status !== 0) throw new Error(`${name}: ${stderr}`);
        took.set(name, [...(took.get(name) ?? []), performance.now() - from]);
      }
    }
    for (const each of [...agents, sshd.server, serve]) await each.stop();
    rmSync(dir, { recursive: true, force: true });
    const figures = new Map([...took].map(([name, values]) => [name, measuredOf(values)]));
    const goals: Goal[] = [
      ...timesFaster(figures, 50, { own: "wsctl ping", other: "ansible" }),
      ...timesFaster(figures, 50, { own: "wsctl ping", other: "clush" }),
      ...timesFaster(figures, 10, { own: "wsctl ping, one host", other: "ssh, one host" }),
    ];
    const remarks = [
      "ping shows that a host answers, as the module of ansible does; all others run the program true",
      "all hosts share the two cores of this machine, and wsctl starts a process for each program",
    ];
    return { unit: "ms", figures, goals, remarks };
  },
};

/** One server of OpenSSH that is each of the hosts, with a key for this run alone. */
async function startSshd(dir: string, names: readonly string[]) {
  const at = (name: string) => join(dir, name);
  for (const key of ["host-key", "key"]) {
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(key)]);
  }
  mkdirSync("/run/sshd", { recursive: true });
  const port = await freePort();
  const settings = [
    ...["ListenAddress 127.0.0.1", `Port ${port}`, `HostKey ${at("host-key")}`],
    ...[`AuthorizedKeysFile ${at("key.pub")}`, `PidFile ${at("sshd.pid")}`],
    // Each host has a server of its own, which would count only its own connections.
    ...["StrictModes no", "UsePAM no", "MaxStartups 100"],
  ];
  writeFileSync(at("sshd_config"), `${settings.join("\n")}\n`);
  const config = at("ssh_config");
  const host = [
    ...[`Host ${names.join(" ")}`, "HostName 127.0.0.1", `Port ${port}`],
    ...[`IdentityFile ${at("key")}`, "StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"],
    ...["LogLevel ERROR", "BatchMode yes"],
  ];
  writeFileSync(config, `${host.join("\n")}\n`);
  const server = start(["/usr/sbin/sshd", "-D", "-e", "-f", at("sshd_config")]);
  await server.says(/Server listening/);
  return { server, config };
}
