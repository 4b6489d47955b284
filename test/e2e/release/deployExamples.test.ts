/** The examples of containers, Kubernetes, cloud-init and launchd, as far as they can be run here. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StatefulSet } from "kubernetes-models/apps/v1";
import { Service } from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { root } from "../../support/fixtures/sources.ts";
import { Running, temporaryDir, wsctl, wsctlCommand } from "../../support/processes/processes.ts";

const dir = join(root, "docs/examples/deploy");
const read = (name: string) => readFileSync(join(dir, name), "utf8");

interface Manifest {
  kind: string;
  spec: {
    template: {
      spec: { containers: { args: string[]; readinessProbe: Probe; livenessProbe: Probe }[] };
    };
  };
}
interface Probe {
  httpGet: { path: string; scheme: string };
}

const manifests = parseAllDocuments(read("kubernetes.yaml")).map((each) => each.toJS() as Manifest);
const [container] =
  manifests.find(({ kind }) => kind === "StatefulSet")?.spec.template.spec.containers ?? [];
const compose = parse(read("compose.yaml")) as { services: { wsctl: { command: string[] } } };
const image = /^CMD (.*)$/m.exec(read("Containerfile"))?.[1] ?? "[]";

test("the manifests are what Kubernetes accepts", () => {
  expect(manifests.map(({ kind }) => kind)).toEqual(["Service", "StatefulSet"]);
  const models = { Service, StatefulSet } as Record<
    string,
    new (
      of: never,
    ) => { validate(): void }
  >;
  for (const manifest of manifests) {
    const Model = models[manifest.kind] as new (of: unknown) => { validate(): void };
    expect(() => new Model(manifest).validate()).not.toThrow();
  }
  const wrong = { ...manifests[1], spec: { replicas: "one" } };
  expect(() => new StatefulSet(wrong as never).validate()).toThrow();
});

describe.each([
  ["image", JSON.parse(image) as string[]],
  ["compose.yaml", compose.services.wsctl.command],
  ["kubernetes.yaml", container?.args ?? []],
])("the command of %s", (_name, command) => {
  test("starts a control plane that the probes of Kubernetes find", async () => {
    using data = temporaryDir();
    // Only where it listens and stores is another place here.
    const words = command
      .map((word) => word.replace("/var/lib/wsctl", `${data}`).replace("0.0.0.0", "127.0.0.1"))
      .concat("--port", "0", "--tls", "on");
    await using serving = new Running([...wsctlCommand("binary"), ...words]);
    const [, port = ""] = await serving.logged(/serving on https:\/\/[^:]+:(\d+)/);
    for (const { httpGet } of [container?.readinessProbe, container?.livenessProbe] as Probe[]) {
      expect(httpGet.scheme).toBe("HTTPS");
      const url = `https://127.0.0.1:${port}${httpGet.path}`;
      const answer = await fetch(url, { tls: { rejectUnauthorized: false } });
      expect(answer.status).toBe(200);
    }
  });
});

test("cloud-init runs commands that install.sh and wsctl take", async () => {
  const config = parse(read("cloud-init.yaml")) as {
    write_files: { path: string; content: string }[];
    runcmd: string[][];
  };
  const [download = [], install = [], service = []] = config.runcmd;
  expect(download[0]).toBe("curl");
  for (const flag of install.filter((word) => word.startsWith("--"))) {
    expect(readFileSync(join(root, "scripts/install.sh"), "utf8")).toContain(`${flag} `);
  }
  // The unit is printed here, and not installed.
  const words = service.slice(1).map((word) => (word === "install" ? "print" : word));
  const printed = await wsctl(words);
  expect(printed.stdout).toContain("agent --join @/etc/wsctl/join");
  const settings = config.write_files.find(({ path }) => path.endsWith(".toml"))?.content ?? "";
  using data = temporaryDir();
  const file = join(`${data}`, "config.toml");
  await Bun.write(file, settings);
  const tried = await wsctl(["agent", "--config", file, "--data-dir", `${data}`, "--server", "x"]);
  expect(tried.stderr).toContain("--server");
});

test("the property list of launchd starts the agent, and leaves its programs alone", () => {
  const text = read("wsctl-agent.plist");
  const keys = [...text.matchAll(/<key>([^<]+)<\/key>/g)].map(([, key]) => key);
  expect(keys).toEqual([
    ...["Label", "ProgramArguments", "RunAtLoad", "KeepAlive", "AbandonProcessGroup"],
    "StandardErrorPath",
  ]);
  // A comment of XML must not contain two hyphens.
  for (const [, comment = ""] of text.matchAll(/<!--(.*?)-->/gs))
    expect(comment).not.toContain("--");
  expect(readdirSync(dir).toSorted()).toEqual([
    ...["Containerfile", "cloud-init.yaml", "compose.yaml", "kubernetes.yaml"],
    ...["wsctl-agent.plist", "wsctl-agent.xml"],
  ]);
});

test("the service of Windows starts the agent with flags that it has, from its own directory", async () => {
  const text = read("wsctl-agent.xml");
  const elements = [...text.matchAll(/<([a-z]+)(?: [^>]*)?>([^<]*)<\/\1>/g)].map(
    ([, name, value]) => [name, value],
  );
  expect(Object.fromEntries(elements)).toMatchObject({
    id: "wsctl-agent",
    executable: "%BASE%\\wsctl.exe",
    arguments: 'agent --join "@%BASE%\\join"',
  });
  const { stdout } = await wsctl(["agent", "--help"]);
  expect(stdout).toContain("--join STRING");
  for (const [, comment = ""] of text.matchAll(/<!--(.*?)-->/gs))
    expect(comment).not.toContain("--");
});
