/** An operator session of a page of the console: of its own origin alone, and no longer than its login. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { RawSession } from "../../support/clients/rawSession.ts";
import { Visitor } from "../../support/clients/visitor.ts";
import { Target } from "../../support/processes/target.ts";

setDefaultTimeout(60_000);

test.each(["full", "read-only"] as const)("a login of a %s console", async (mode) => {
  await using target = await Target.start("binary", ["--console", mode]);
  await using agent = await target.agent();
  const { url } = target.serving;
  const visitor = new Visitor();
  const login = { method: "POST", body: { token: target.admin } };
  expect((await visitor.ask(`${url}/console/login`, login)).status).toBe(204);
  const [cookie = ""] = visitor.setCookies.map((each) => each.split(";")[0]);
  const open = (...headers: string[]) =>
    RawSession.open(target.port, "", { headers: [`Cookie: ${cookie}`, ...headers] });

  for (const headers of [["Origin: https://evil.example"], [], ["Sec-Fetch-Site: cross-site"]]) {
    await using session = await open(...headers);
    expect(session.socket.status).toBe(403);
  }
  await using session = await open(`Origin: ${url}`, "Sec-Fetch-Site: same-origin");
  if (mode === "read-only") return expect(session.socket.status).toBe(403);
  session.ping("a", [agent.id]);
  const { requests } = await session.next("accepted", "a");
  const id = requests[0]?.request_id ?? "";
  await agent.command(id);
  agent.respond(id);
  expect(await session.lines("a")).toMatchObject([{ outcome: "success" }]);
  await visitor.ask(`${url}/console/logout`, { method: "POST" });
  expect(await session.closed).toMatchObject({ code: 4401 });
});
