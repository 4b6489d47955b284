/** The whole gate: what the tests need is installed, the binary is built, everything is run. */
import { existsSync, globSync } from "node:fs";
import { build } from "./build.ts";
import { install } from "./install.ts";
import { formatStep, pageTypesStep, runStep, runTests, typesStep } from "./steps.ts";

/** The library of large numbers. */
const numerics = "/usr/lib/mono/4.5/System.Numerics.dll";
/** The tests of what a control plane guarantees, as far as they start one by themselves. */
const guarantees = [
  ...[
    "test/e2e/jobs",
    "test/e2e/session/session.test.ts",
    "test/e2e/session/sessionClient.test.ts",
  ],
  "test/e2e/programs/programs.test.ts",
  ...["test/e2e/programs/programEnds.test.ts", "test/e2e/programs/liveOutput.test.ts"],
  ...["test/e2e/programs/missingOutput.test.ts", "test/e2e/programs/leftFiles.test.ts"],
  ...["test/security/authorityAtUse.test.ts", "test/security/signedSchedules.test.ts"],
];
const binary = new URL("../dist/wsctl", import.meta.url).pathname;

installPythonPeers();
installFaketime();
installSwift();
installTmux();
installChromium();
installCurl();
installShells();
installProxies();
installPackagers();
installCompilers();
installNats();
installPrometheus();
installPostgres();
installWine();
installMono();
await build({ outfile: "dist/wsctl" });
await build({ outfile: "dist/wsctl-test", isTestBuild: true });
console.log("ok    build");
const tally = { passed: 1, failed: 0 };
for (const step of [formatStep, typesStep, pageTypesStep]) {
  if (await runStep(step)) tally.passed++;
  else tally.failed++;
}
const env = { WSCTL_TEST_BINARY: binary };
for (const tests of [
  await runTests([], env),
  // The guarantees hold on a cluster, too: see test/support/processes/clusterMode.ts.
  await runTests([...guarantees], { ...env, WSCTL_TEST_CLUSTER: "1" }),
]) {
  tally.passed += tests.passed;
  tally.failed += tests.failed;
}
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 ? 0 : 1);

/** Peers of the standard written in Python want Debian's package; elsewhere their tests say so. */
function installPythonPeers(): void {
  const has = () =>
    Bun.spawnSync(["/usr/bin/env", "-i", "/usr/bin/python3", "-c", "import websockets"]).success;
  install("python3-websockets", "the peers written in Python", has);
}

/** Clocks that are set want Debian's libfaketime. */
function installFaketime(): void {
  install("faketime", "the tests that set clocks", () => Bun.which("faketime") !== null);
}

/**
 * The S3-compatible storage of the tests is Debian's Swift: its library alone, nothing is started.
 */
function installSwift(): void {
  const has = () =>
    Bun.spawnSync(["/usr/bin/env", "-i", "/usr/bin/python3", "-c", "import swift"]).success;
  install("python3-swift", "the tests with an S3-compatible storage", has);
}

/** A terminal that a test can type at and read. */
function installTmux(): void {
  install("tmux", "the test of wsctl watch at a terminal", () => Bun.which("tmux") !== null);
}

/** The guides show it. */
function installCurl(): void {
  install("curl", "the command blocks of the guides", () => Bun.which("curl") !== null);
}

/** The shells besides bash whose completion is tested. */
function installShells(): void {
  for (const shell of ["fish", "zsh"]) {
    install(shell, `the tests of completion in ${shell}`, () => Bun.which(shell) !== null);
  }
}

/** The reverse proxies of the guide, and a proxy of a host without another way out. */
function installProxies(): void {
  const packages = {
    nginx: "nginx-light",
    haproxy: "haproxy",
    caddy: "caddy",
    tinyproxy: "tinyproxy",
  };
  for (const [program, name] of Object.entries(packages)) {
    install(name, `the tests with ${program}`, () => Bun.which(program) !== null);
  }
}

/** The servers that keep the log of a cluster. */
function installNats(): void {
  install("nats-server", "the tests of a cluster", () => Bun.which("nats-server") !== null);
}

/** What scrapes the metrics, with the checker of alert rules. */
function installPrometheus(): void {
  install("prometheus", "the tests with Prometheus", () => Bun.which("promtool") !== null);
}

/** The build for Windows runs under Wine, which lacks one library: a linker makes it. */
function installWine(): void {
  const purpose = "the tests of the build for Windows";
  install("wine64", purpose, () => existsSync("/usr/lib/wine/wine64"));
  const hasLinker = () => Bun.which("x86_64-w64-mingw32-ld") !== null;
  install("binutils-mingw-w64-x86-64", purpose, hasLinker);
}

/** What install.ps1 gives to .NET is compiled and run. */
function installMono(): void {
  const purpose = "the test of the signature check of install.ps1";
  const has = () => Bun.which("mcs") !== null && Bun.which("mono") !== null;
  install("mono-mcs", purpose, has);
  install("libmono-system-numerics4.0-cil", purpose, () => existsSync(numerics));
}

/** The database whose nightly dump is fetched and restored. */
function installPostgres(): void {
  const has = () => globSync("/usr/lib/postgresql/*/bin/pg_ctl").length > 0;
  install("postgresql", "the test with PostgreSQL", has);
}

/** Peers of the standard in Java and in Go want a JDK, and a compiler with a library. */
function installCompilers(): void {
  const has = () => Bun.which("java") !== null && Bun.which("javac") !== null;
  install("default-jdk-headless", "the peer written in Java", has);
  const hasGo = () => existsSync("/usr/share/gocode/src/github.com/gorilla/websocket");
  install("golang-github-gorilla-websocket-dev", "the peer written in Go", hasGo);
  install("golang-go", "the peer written in Go", () => Bun.which("go") !== null);
}

/** Debian's own check of its packages, and what builds packages of other distributions. */
function installPackagers(): void {
  install("lintian", "the check of the Debian package", () => Bun.which("lintian") !== null);
  install("rpm", "the tests of the RPM package", () => Bun.which("rpmbuild") !== null);
}

/** A browser in which the console is looked at. */
function installChromium(): void {
  install(
    "chromium",
    "the tests of the console in a browser",
    () => Bun.which("chromium") !== null,
  );
}
