/** A nightly dump of a real PostgreSQL: by a schedule, fetched, and restored. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ArtifactView } from "../../../lib/protocol/api/artifacts.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const [pgCtl = ""] = globSync("/usr/lib/postgresql/*/bin/pg_ctl");
const isPossible = pgCtl !== "" && process.getuid?.() === 0;
if (!isPossible)
  process.stderr.write("PostgreSQL is left out: it is missing, or this is not root\n");

describe.skipIf(!isPossible)("a nightly pg_dump", () => {
  const dir = temporaryDir();
  const bin = dirname(pgCtl);
  const data = join(dir, "data");
  let fleet: JoinableFleet;

  const asPostgres = (...command: string[]) => {
    const done = spawnSync("runuser", ["-u", "postgres", "--", ...command], {
      encoding: "utf8",
      cwd: "/",
      env: { ...process.env, PGHOST: `${dir}` },
    });
    if (done.status !== 0) throw new Error(`${command.join(" ")}: ${done.stderr}`);
    return done.stdout.trim();
  };
  const sql = (database: string, text: string) => {
    return asPostgres(join(bin, "psql"), "-qAtX", "-d", database, "-c", text);
  };

  beforeAll(async () => {
    chmodSync(dir, 0o755);
    const uid = Number(spawnSync("id", ["-u", "postgres"], { encoding: "utf8" }).stdout);
    mkdirSync(data);
    for (const path of [`${dir}`, data]) chownSync(path, uid, -1);
    asPostgres(join(bin, "initdb"), "-D", data, "--auth=trust", "--no-sync");
    const options = `-c listen_addresses='' -c unix_socket_directories='${dir}' -c fsync=off`;
    asPostgres(pgCtl, "-D", data, "-w", "-l", join(dir, "log"), "-o", options, "start");
    sql("postgres", "CREATE DATABASE shop");
    sql(
      "shop",
      "CREATE TABLE orders AS SELECT n, md5(n::text) AS note FROM generate_series(1, 20000) n",
    );
    fleet = await JoinableFleet.start();
    const host = fleet.newHost();
    const commands = join(host, "commands.d");
    mkdirSync(commands);
    writeFileSync(
      join(commands, "backup-db.toml"),
      `description = "Dump a database"
argv = ["/bin/sh", "-ec", "pg_dump -Fc -d \\"$WSCTL_PARAM_DATABASE\\" -f \\"$WSCTL_ARTIFACT_DIR/$WSCTL_PARAM_DATABASE.dump\\""]
user = "postgres"
timeout_seconds = 600
concurrency = 1
artifact_ttl_seconds = 2592000
env = { PGHOST = "${dir}", PATH = "${bin}:/usr/bin:/bin" }
[parameters]
required = ["database"]
[parameters.properties.database]
type = "string"
pattern = "^[a-z]+$"
`,
    );
    const args = ["--id", "db-1", "--join", await fleet.joinText(), "--commands-dir", commands];
    await fleet.agent(host, ...args).logged(/ connected$/);
  });
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    if (existsSync(join(data, "postmaster.pid"))) {
      asPostgres(pgCtl, "-D", data, "-m", "immediate", "stop");
    }
    dir[Symbol.dispose]();
  });

  test("runs by a schedule, is fetched as an artifact, and restores every row", async () => {
    const create = ["schedules", "create", "nightly", "backup-db", "--agent", "db-1"];
    const made = await fleet.run(...create, "--param", "database=shop", "--cron", "0 3 * * *");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const { stdout: jobId } = await fleet.run("schedules", "run-now", "nightly");
    const watched = await fleet.run("jobs", "watch", jobId.trim());
    expect(watched).toMatchObject({ code: 0 });
    expect(watched.stdout).toContain("shop.dump");
    const list = ["artifacts", "list", "--job", jobId.trim(), "--name", "*.dump", "--json"];
    const [artifact] = jsonLines<ArtifactView>(await fleet.run(...list));
    expect(artifact).toMatchObject({ name: "shop.dump", agent_id: "db-1", state: "ready" });
    const path = join(dir, "fetched.dump");
    const got = ["artifacts", "get", artifact?.artifact_id ?? "", "--output", path];
    expect((await fleet.run(...got)).code).toBe(0);
    chmodSync(path, 0o644);
    const before = sql(
      "shop",
      "SELECT count(*), md5(string_agg(note, ',' ORDER BY n)) FROM orders",
    );
    sql("postgres", "CREATE DATABASE restored");
    asPostgres(join(bin, "pg_restore"), "-d", "restored", path);
    const after = sql(
      "restored",
      "SELECT count(*), md5(string_agg(note, ',' ORDER BY n)) FROM orders",
    );
    expect(after).toBe(before);
    expect(after).toStartWith("20000|");
  });
});
