/** A disk that fills up with artifacts: they are refused, and everything else goes on. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { holder, order, randomContent, stored } from "../support/fixtures/artifacts.ts";
import { temporaryDir } from "../support/processes/processes.ts";
import { Target } from "../support/processes/target.ts";

setDefaultTimeout(60_000);

/** A disk of this many megabytes, or nothing where one cannot be had. */
function smallDisk(megabytes: number): (string & Disposable) | undefined {
  const dir = temporaryDir();
  const options = ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "wsctl-test", `${dir}`];
  if (process.getuid?.() !== 0 || spawnSync("mount", options).status !== 0) return undefined;
  return Object.assign(String(dir), {
    [Symbol.dispose]: () => {
      spawnSync("umount", ["-l", `${dir}`]);
      dir[Symbol.dispose]();
    },
  }) as string & Disposable;
}

test("artifacts leave the journal its room", async () => {
  using disk = smallDisk(130);
  if (disk === undefined) {
    process.stdout.write("small disks are left out: they need root and mount\n");
    return;
  }
  await using target = await Target.start("binary", [], disk);
  const agent = await holder(target);
  await stored(target, agent, randomContent(15_000_000), "fits");
  const { bytes, sha256 } = randomContent(30_000_000);
  const refused = await order(target, agent, { name: "more", bytes, sha256 });
  expect([refused.status, refused.body.error?.code]).toEqual([507, "STORAGE_UNAVAILABLE"]);
  expect(refused.body.error?.message).toContain("Free some space");
  // Two that fit one by one, and not together: the second finds out when it comes.
  const one = randomContent(12_000_000);
  const two = randomContent(12_000_000);
  const ordered: { url: string }[] = [];
  for (const content of [one, two]) {
    const { body } = await order(target, agent, {
      name: "late",
      bytes: content.bytes,
      sha256: content.sha256,
    });
    ordered.push(body.upload as { url: string });
  }
  const put = async (at: number, body: Uint8Array<ArrayBuffer>) =>
    (await fetch(new URL(ordered[at]?.url ?? "", target.serving.url), { method: "PUT", body }))
      .status;
  expect(await put(0, one.body)).toBe(200);
  expect(await put(1, two.body)).toBe(507);
  expect(await target.pings()).toBe("success");
});
