/** An update on a host whose only way out is an HTTP proxy. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Fleet, Host, newer, older } from "../../support/processes/updates.ts";
import { hiddenName, proxyMissing, startHttpProxy } from "../../support/servers/httpProxy.ts";

setDefaultTimeout(120_000);

test.skipIf(proxyMissing !== undefined)(
  "is downloaded through the proxy, and the new version connects through it",
  async () => {
    await using fleet = await Fleet.start(older, newer);
    for (const version of [older, newer]) await fleet.publish(version);
    await using proxy = await startHttpProxy(fleet.dir);
    const server = `http://${hiddenName}:${fleet.serving.port}`;
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
    await using host = await Host.start(fleet, "web-1", { server, env });
    expect(await host.update(newer)).toMatchObject({ outcome: "success" });
    expect(await host.version()).toBe(newer);
    expect(proxy.process.lines.join("\n")).toContain(`GET http://${hiddenName}:`);
  },
);
