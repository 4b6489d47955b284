/**
 * Transfers by our own code go on after every kind of break, and end with the very same content.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../../lib/client/client.ts";
import { downloadFile } from "../../../lib/transfer/download.ts";
import { uploadFile } from "../../../lib/transfer/upload.ts";
import { adminAccess, randomContent, sha256Of } from "../../support/fixtures/artifacts.ts";
import {
  type Flavour,
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";
import { TcpProxy } from "../../support/servers/tcpProxy.ts";

setDefaultTimeout(60_000);

const bytes = 150 * 1024 * 1024;

describe("transfers", () => {
  for (const flavour of ["binary", "deno"] satisfies Flavour[]) {
    test(`go on after the control plane was killed midway (${flavour})`, async () => {
      using dir = temporaryDir();
      using dataDir = temporaryDir();
      const path = join(dir, "large");
      writeFileSync(path, randomContent(bytes).body);
      await using servings = new AsyncDisposableStack();
      let serving = servings.use(await startServe({ dataDir, flavour }));
      const { port } = serving;
      const controlPlane = adminAccess(serving);
      let killed: Promise<void> | undefined;
      let least = bytes;
      let isBack = false;
      const restart = async () => {
        await serving.process.kill();
        serving = servings.use(await startServe({ dataDir, flavour, port }));
        isBack = true;
      };
      const artifact = await uploadFile({
        controlPlane,
        path,
        request: { name: "large" },
        onProgress: (done) => {
          if (done > bytes * 0.6) killed ??= restart();
          if (isBack) least = Math.min(least, done);
        },
      });
      await killed;
      expect(isBack).toBe(true);
      // What had arrived was not sent again.
      expect(least).toBeGreaterThan(bytes * 0.3);
      expect(artifact).toMatchObject({ state: "ready", bytes });

      const target = join(dir, "back");
      let killedAgain: Promise<void> | undefined;
      isBack = false;
      least = bytes;
      const detail = await new Client(controlPlane).artifact(artifact.artifact_id);
      await downloadFile({
        controlPlane,
        url: detail.download?.url ?? "",
        path: target,
        bytes,
        sha256: artifact.sha256,
        onProgress: (done) => {
          if (done > bytes * 0.2) killedAgain ??= restart();
          if (isBack) least = Math.min(least, done);
        },
      });
      await killedAgain;
      expect(least).toBeGreaterThan(bytes * 0.1);
      expect(sha256Of(readFileSync(target))).toBe(artifact.sha256);
      expect(existsSync(`${target}.part`)).toBe(false);
    });
  }

  test("go on after the connection was cut", async () => {
    using dir = temporaryDir();
    using dataDir = temporaryDir();
    await using serving = await startServe({ dataDir });
    await using proxy = await TcpProxy.to(serving.port);
    const path = join(dir, "large");
    writeFileSync(path, randomContent(bytes).body);
    const url = `http://127.0.0.1:${proxy.port}`;
    let cuts = 0;
    const artifact = await uploadFile({
      controlPlane: { ...adminAccess(serving), url },
      path,
      request: { name: "large" },
      onProgress: (done) => {
        if (done <= (cuts + 1) * 0.3 * bytes) return;
        cuts++;
        proxy.cut();
      },
    });
    expect(cuts).toBeGreaterThan(1);
    expect(artifact.state).toBe("ready");
  });

  test("of wsctl artifacts get go on from what an earlier one has left", async () => {
    using dir = temporaryDir();
    using dataDir = temporaryDir();
    await using serving = await startServe({ dataDir });
    const content = randomContent(1_000_000);
    const path = join(dir, "small");
    writeFileSync(path, content.body);
    const order = { name: "result.bin" };
    const artifact = await uploadFile({ controlPlane: adminAccess(serving), path, request: order });
    const get = (...more: string[]) =>
      wsctl(["artifacts", "get", artifact.artifact_id, "--data-dir", dataDir, ...more], {
        cwd: `${dir}`,
      });
    writeFileSync(join(dir, "result.bin.part"), content.body.slice(0, 600_000));
    const first = await get();
    expect({ ...first }).toEqual({ code: 0, stdout: "result.bin\n", stderr: "" });
    expect(sha256Of(readFileSync(join(dir, "result.bin")))).toBe(content.sha256);
    // A name that came with the artifact takes nothing away; one that is given does.
    const second = await get();
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("the file exists")]);
    expect((await get("--output", "result.bin", "--json")).code).toBe(0);
    // What is left behind of something else is not taken for a part of it, and does not stay.
    writeFileSync(join(dir, "other.part"), randomContent(600_000).body);
    const mismatch = await get("--output", "other");
    expect([mismatch.code, mismatch.stderr]).toEqual([1, expect.stringContaining("SHA-256")]);
    expect(existsSync(join(dir, "other.part"))).toBe(false);
    expect(existsSync(join(dir, "other"))).toBe(false);
    const listed = await wsctl(["artifacts", "list", "--data-dir", dataDir]);
    expect(listed.stdout).toContain("result.bin  1.0 MB  release  ready");
    const gone = await wsctl(["artifacts", "delete", artifact.artifact_id, "--data-dir", dataDir]);
    expect([gone.code, gone.stdout]).toEqual([0, `deleted ${artifact.artifact_id}\n`]);
    expect((await get()).code).toBe(1);
  });

  test("that Ctrl-C breaks off stay for the same command to go on with", async () => {
    using dir = temporaryDir();
    using dataDir = temporaryDir();
    await using serving = await startServe({ dataDir });
    await using proxy = await TcpProxy.to(serving.port);
    const path = join(dir, "large");
    writeFileSync(path, randomContent(bytes).body);
    const order = { name: "back" };
    const controlPlane = adminAccess(serving);
    const artifact = await uploadFile({ controlPlane, path, request: order });
    const token = join(dir, "token");
    writeFileSync(token, controlPlane.token);
    const words = ["artifacts", "get", artifact.artifact_id, "--token-file", token, "--server"];
    const command = [...wsctlCommand("binary"), ...words];
    const cwd = `${dir}`;
    await using broken = new Running([...command, `http://127.0.0.1:${proxy.port}`], { cwd });
    const size = () => statSync(join(dir, "back.part"), { throwIfNoEntry: false })?.size ?? 0;
    while (size() === 0) await fetch(`${serving.url}/healthz`);
    // It cannot be through before it is told to leave.
    proxy.freeze();
    broken.signal("SIGINT");
    expect(await broken.exited).toBe(130);
    expect(size()).toBeGreaterThan(0);
    await using again = new Running([...command, serving.url], { cwd });
    expect(await again.exited).toBe(0);
    expect(sha256Of(readFileSync(join(dir, "back")))).toBe(artifact.sha256);
  });

  test("of a file that changes meanwhile are given up by name", async () => {
    using dir = temporaryDir();
    using dataDir = temporaryDir();
    await using serving = await startServe({ dataDir });
    const path = join(dir, "log");
    writeFileSync(path, randomContent(1_000_000).body);
    const controlPlane = adminAccess(serving);
    const changing: typeof fetch = Object.assign(
      async (...args: Parameters<typeof fetch>) => {
        // After the sum was taken, and before the content is read.
        if (String(args[0]).endsWith("/api/v1/artifacts") && statSync(path).size === 1_000_000) {
          writeFileSync(path, randomContent(1_000_000).body);
        }
        return fetch(...args);
      },
      { preconnect: fetch.preconnect },
    );
    const order = { name: "log" };
    const uploading = uploadFile({
      controlPlane: { ...controlPlane, fetch: changing },
      path,
      request: order,
    });
    await expect(uploading).rejects.toMatchObject({ code: "CONFLICT" });
    truncateSync(path, 0);
    const empty = await uploadFile({ controlPlane, path, request: order });
    expect(empty).toMatchObject({ state: "ready", bytes: 0 });
  });
});
