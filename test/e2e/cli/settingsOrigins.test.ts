/** Settings: what platforms inject is none, and an error says where the value came from. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectRefusal } from "../../support/processes/cli.ts";
import { Running, temporaryDir, wsctl, wsctlCommand } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

test("serve in a container beside a service named wsctl listens where it is told to", async () => {
  using dir = temporaryDir();
  const config = join(dir, "config.toml");
  writeFileSync(config, "[serve]\nport = 0\n");
  const env = {
    WSCTL_CONFIG: config,
    WSCTL_DATA_DIR: join(dir, "data"),
    WSCTL_PORT: "tcp://10.0.0.1:7420",
    WSCTL_PORT_7420_TCP: "tcp://10.0.0.1:7420",
    WSCTL_SERVICE_HOST: "10.0.0.1",
    WSCTL_SERVICE_PORT: "7420",
    WSCTL_NAME: "/web/wsctl",
  };
  await using serve = new Running([...wsctlCommand("binary"), "serve"], { env });
  const [, url = ""] = await serve.logged(/serving on (\S+)/);
  expect(new URL(url).hostname).toBe("127.0.0.1");
  expect(await serve.stop()).toBe(0);
});

test.each([
  [{ WSCTL_PORT: "abc" }, 'Environment variable WSCTL_PORT is "abc": expected a number'],
  [{ WSCTL_TLS: "maybe" }, 'Environment variable WSCTL_TLS is "maybe": expected auto'],
  [{ WSCTL_TRUSTED_PROXY: "nginx" }, 'Environment variable WSCTL_TRUSTED_PROXY is "nginx"'],
  [{ WSCTL_TLS_KEY: "/x" }, "--tls-key is set by environment variable WSCTL_TLS_KEY"],
])("a wrong value of the environment is named by its variable: %j", async (env, expected) => {
  using dir = temporaryDir();
  const serve = ["serve", "--data-dir", `${dir}`];
  const refused = await wsctl(serve, { env: env as Record<string, string> });
  expectRefusal(refused, 2, /^/);
  expect(refused.stderr).toContain(expected);
});

test.each([
  ['# a remark\n[serve]\nport = "abc"\n', 'Setting port ("PATH", line 3) is "abc"'],
  ['port = "abc"\n[agent]\nid = "x"\n', 'Setting port ("PATH", line 1) is "abc"'],
  ["\n[serve]\ntls = true\n", 'Setting tls ("PATH", line 3) must be text'],
  ["[serve]\nprot = 1\n", 'Unknown key "prot" for serve in "PATH", line 2: did you mean port?'],
  ["[sevre]\nport = 1\n", 'Unknown table "sevre" in "PATH", line 1: did you mean serve?'],
  ['[serve]\nport = "1\n', 'Cannot read the settings file "PATH": line 2: '],
])("a wrong value of the settings is named by file and line: %j", async (text, expected) => {
  using dir = temporaryDir();
  const config = join(dir, "config.toml");
  writeFileSync(config, text);
  const refused = await wsctl(["serve", "--data-dir", `${dir}`, "--config", config]);
  expectRefusal(refused, 2, /^/);
  expect(refused.stderr).toContain(expected.replace("PATH", config));
});

test("a wrong token is named by where it came from", async () => {
  using dir = temporaryDir();
  const agents = ["agents", "--server", "http://127.0.0.1:1"];
  const env = { WSCTL_TOKEN: "two words" };
  expectRefusal(await wsctl(agents, { env }), 2, /The token of WSCTL_TOKEN contains spaces/);
  const file = join(dir, "token");
  writeFileSync(file, "two words");
  const refused = await wsctl(agents, { env: { WSCTL_TOKEN_FILE: file } });
  expectRefusal(refused, 2, /The token in ".*token" contains spaces/);
  const missing = await wsctl(agents, { env: { WSCTL_TOKEN_FILE: join(dir, "none") } });
  expectRefusal(missing, 2, /Environment variable WSCTL_TOKEN_FILE: cannot read/);
});

test("an address, a context and a settings file are named by their variables too", async () => {
  using dir = temporaryDir();
  const serve = ["serve", "--port", "0", "--data-dir", `${dir}`];
  const away = await wsctl(serve, { env: { WSCTL_HOST: "192.0.2.77" } });
  expectRefusal(away, 3, /--host is set by environment variable WSCTL_HOST$/m);
  const context = await wsctl(["agents"], { env: { HOME: `${dir}`, WSCTL_CONTEXT: "prod" } });
  expectRefusal(context, 2, /Environment variable WSCTL_CONTEXT is "prod": it does not exist/);
  const config = await wsctl(["agents"], { env: { WSCTL_CONFIG: join(dir, "none") } });
  expectRefusal(config, 2, /Environment variable WSCTL_CONFIG names this file$/m);
});
