import { expect, test } from "bun:test";
import { nodesFetch } from "../../../lib/transfer/nodesFetch.ts";
import { closedPort } from "../../support/processes/cli.ts";

const asPlain = () => fetch;

/** A server that answers with its name and the path that it was asked for. */
function named(name: string, port = 0) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      return new Response(`${name} ${request.method} ${pathname} ${await request.text()}`);
    },
  });
}

test("nodesFetch: a request goes on to the next address, and the next one stays there", async () => {
  await using two = { server: named("two"), [Symbol.asyncDispose]: () => two.server.stop(true) };
  const gone = await closedPort();
  const bases = [`http://127.0.0.1:${gone}`, `http://127.0.0.1:${two.server.port}`];
  const call = nodesFetch(asPlain, bases, {});
  const init = { method: "POST", body: "x" };
  expect(await (await call(`${bases[0]}/api/v1/jobs`, init)).text()).toBe(
    "two POST /api/v1/jobs x",
  );
  const back = named("one", gone);
  expect(await (await call(`${bases[0]}/again`)).text()).toBe("two GET /again ");
  await back.stop(true);
});

test("nodesFetch: an address that only begins like the control plane is left alone", async () => {
  await using other = {
    server: named("other"),
    [Symbol.asyncDispose]: () => other.server.stop(true),
  };
  const base = `http://127.0.0.1:${await closedPort()}`;
  const call = nodesFetch(asPlain, [`${base}/wsctl`, `${base}/second`], {});
  const url = `http://127.0.0.1:${other.server.port}/wsctl-store/x`;
  expect(await (await call(url)).text()).toBe("other GET /wsctl-store/x ");
});

test("nodesFetch: where no address answers, the error is the one of the connection", async () => {
  const bases = [
    `http://127.0.0.1:${await closedPort()}`,
    `http://127.0.0.1:${await closedPort()}`,
  ];
  const call = nodesFetch(asPlain, bases, {});
  await expect(call(`${bases[0]}/x`)).rejects.toThrow(/connect|refused/i);
});
