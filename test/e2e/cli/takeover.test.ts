/** A restored control plane takes over from the one that its backup was made of. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditLine } from "../../../lib/protocol/api/audit.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  startAgent,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

class Place implements Disposable {
  readonly dir = temporaryDir();

  at(...names: string[]): string {
    return join(`${this.dir}`, ...names);
  }

  async serve(name: string, ...args: string[]) {
    return startServe({ dataDir: this.at(name), args });
  }

  run(name: string, ...args: string[]) {
    return wsctl([...args, "--data-dir", this.at(name)]);
  }

  /** Has the control plane make a token for the agent. */
  async makeToken(name: string): Promise<void> {
    const { stdout } = await this.run(name, "tokens", "create", "--agent", "web-1");
    writeFileSync(this.at("token"), stdout);
  }

  agentOptions(url: string) {
    const args = ["--server", url, "--token-file", this.at("token")];
    return { dataDir: this.at("agent"), id: "web-1", args };
  }

  /** Connects the agent once. */
  async visit(url: string): Promise<void> {
    const agent = await connectedAgent(this.agentOptions(url));
    await agent.stop();
  }

  [Symbol.dispose](): void {
    this.dir[Symbol.dispose]();
  }
}

test("the older one stops when an agent comes back to it, and says so at each start", async () => {
  using place = new Place();
  await using older = await place.serve("older");
  await place.makeToken("older");
  await place.visit(older.url);
  expect((await place.run("older", "backup", "create", place.at("backup"))).code).toBe(0);
  await wsctl(["restore", place.at("backup"), "--data-dir", place.at("newer")]);
  const newer = await place.serve("newer");
  await place.visit(newer.url);

  await using agent = startAgent(place.agentOptions(older.url));
  expect(await older.process.exited).toBe(1);
  const told = /a control plane that was restored at 20\S+ from its backup has taken over/;
  expect(older.process.lines.join("\n")).toMatch(told);
  expect(agent.lines.join("\n")).not.toContain(" connected");
  await agent.stop();
  const again = await place.run("older", "serve", "--port", "0");
  expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(told)]);

  await using back = await place.serve("older", "--takeover");
  await place.visit(back.url);
  const trail = await place.run("older", "audit", "export", "--action", "control_plane.takeover");
  expect(jsonLines<AuditLine>(trail)).toHaveLength(1);
  await using late = startAgent(place.agentOptions(newer.url));
  expect(await newer.process.exited).toBe(1);
  await late.stop();
});

test("an older copy of its files is noticed when an agent connects", async () => {
  using place = new Place();
  const first = await place.serve("own");
  await place.makeToken("own");
  await place.visit(first.url);
  await first.process.stop();
  cpSync(place.at("own"), place.at("copy"), { recursive: true });
  const second = await place.serve("own");
  await place.visit(second.url);
  await place.visit(second.url);
  await second.process.stop();
  rmSync(place.at("own"), { recursive: true });
  cpSync(place.at("copy"), place.at("own"), { recursive: true });

  await using third = await place.serve("own");
  await place.visit(third.url);
  await third.process.logged(/The log ends before entry \d+, which agent web-1 knows/);
  const trail = await place.run("own", "audit", "export", "--action", "control_plane.set_back");
  expect(jsonLines<AuditLine>(trail)).toHaveLength(1);
  const sent = await place.run("own", "send", "ping", "--agent", "web-1", "--ttl", "1s");
  expect(sent.stderr).not.toContain("taken over");
});
