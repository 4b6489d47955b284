/** Login at the console with a login string, which works once. */
import { expect, test } from "bun:test";
import { Visitor } from "../support/clients/visitor.ts";
import { adminToken } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";

test("a login string becomes a token once, whose session is no reason to make others", async () => {
  await using fleet = await JoinableFleet.start();
  const ca = await Bun.file(`${fleet.dataDir}/tls/ca.pem`).text();
  const at = (path: string) => fleet.serving.url + path;
  const logIn = async (token: string) => {
    const visitor = new Visitor(ca);
    const asked = { method: "POST", body: { token } };
    const { status, text } = await visitor.ask(at("/console/login"), asked);
    return { visitor, status, text };
  };
  const ana = ["--role", "admin", "--name", "ana", "--login"];
  const text = await fleet.newToken(...ana);
  const { visitor, status } = await logIn(text);
  expect(status).toBe(204);
  const standing = JSON.parse((await visitor.ask(at("/console/login"))).text);
  expect(standing).toMatchObject({ name: "ana", role: "admin", by: "string" });
  const again = await logIn(text);
  expect({ status: again.status, set: again.visitor.setCookies }).toEqual({
    ...{ status: 401, set: [] },
  });
  expect(again.text).toMatch(/Cannot use the login string: it was used or revoked/);
  expect((await logIn(`${text.slice(0, 60)}`)).text).toContain("Invalid or truncated login");
  expect((await logIn(await fleet.joinText())).text).toContain("it is a join string");
  const confirm = { method: "POST", body: { token: adminToken(fleet.dataDir) } };
  const confirmed = await visitor.ask(at("/console/confirm"), confirm);
  expect(confirmed.text).toContain("log out and log in again");
  const records = (await fleet.run("audit", "export")).stdout;
  expect(records).toMatch(/"action":"token.login","outcome":"accepted"[^\n]*"new_token_id"/);
  expect(records).not.toContain(text.split(".")[3] ?? "?");
  await fleet.run("tokens", "revoke", standing.id);
  expect((await visitor.ask(at("/api/v1/agents"))).status).toBe(401);
});
