import { describe, expect, test } from "bun:test";
import { withOrigins } from "../../../cmd/cli/origins.ts";
import { strictArgs, usage } from "../../../cmd/cli/strictArgs.ts";
import { WsctlError } from "../../../lib/protocol/errors.ts";

describe("strictArgs() takes nothing that a platform or an agent means otherwise", () => {
  const of = {
    port: { type: "string", default: "7420" },
    name: { type: "string" },
    command: { type: "string" },
  } as const;
  const flags = (env: Record<string, string>) => strictArgs([], of, { env, settings: {} }).rawArgs;

  test("Docker links and Kubernetes services", () => {
    const injected = {
      WSCTL_PORT: "tcp://10.0.0.1:7420",
      WSCTL_SERVICE_HOST: "10.0.0.1",
      WSCTL_SERVICE_PORT: "7420",
      WSCTL_PORT_7420_TCP: "tcp://10.0.0.1:7420",
      WSCTL_PORT_7420_TCP_ADDR: "10.0.0.1",
      WSCTL_NAME: "/web/wsctl",
    };
    expect(flags(injected)).toEqual(["--"]);
    expect(flags({ WSCTL_PORT: "7421", WSCTL_NAME: "x" })).toEqual([
      "--port=7421",
      "--name=x",
      "--",
    ]);
    const settings = { port: 7422 };
    expect(strictArgs([], of, { env: injected, settings }).rawArgs).toEqual(["--port=7422", "--"]);
  });

  test("the variables that a program gets from its agent", () => {
    expect(flags({ WSCTL_COMMAND: "backup", WSCTL_REQUEST_ID: "r" })).toEqual(["--"]);
    expect(flags({ WSCTL_COMMAND: "backup" })).toEqual(["--command=backup", "--"]);
  });
});

describe("withOrigins() names where a value comes from", () => {
  const origins = new Map([
    ["port", "Environment variable WSCTL_PORT"],
    ["tls-key", 'Setting tls_key ("/x.toml", line 3)'],
  ]);
  const message = (text: string) => (withOrigins(usage(text), origins) as Error).message;

  test.each([
    [
      'Flag --port is "x": expected a number',
      'Environment variable WSCTL_PORT is "x": expected a number',
    ],
    ["Flag --tls-key: cannot read", 'Setting tls_key ("/x.toml", line 3): cannot read'],
    ["Flag --host is empty", "Flag --host is empty"],
    [
      "Flags --tls-cert and --tls-key must be specified together",
      'Flags --tls-cert and --tls-key must be specified together. --tls-key is set by setting tls_key ("/x.toml", line 3)',
    ],
  ])("withOrigins(): an error names the origin of the value (%s)", (text, expected) => {
    expect(message(text)).toBe(expected);
  });

  test("withOrigins(): an error that no setting causes is unchanged", () => {
    const error = new WsctlError("UNREACHABLE", "Flag --port");
    expect(withOrigins(error, origins)).toBe(error);
  });
});
