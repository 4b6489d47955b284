/** Runs the command blocks of a page in order, as a reader would who types every line. */
import { closedPort } from "../processes/cli.ts";
import { TwoHosts } from "../processes/namespaces.ts";
import type { Running } from "../processes/processes.ts";
import { type Bindings, difference, isLine } from "./compare.ts";
import type { CommandBlock, Part, Step } from "./page.ts";
import { DocHost } from "./terminal.ts";

export interface Mismatch {
  step: Step;
  /** What the binary printed, in the words of the page. */
  printed: string[];
  message: string;
}

export interface PageResult {
  ran: number;
  notRun: string[];
  /** The page needs two hosts, and this machine cannot make them. */
  isSkipped: boolean;
  mismatches: Mismatch[];
}

const shownAddress = "192.0.2.10";
const shownHome = "/home/you";

export async function runPage(parts: readonly Part[]): Promise<PageResult> {
  const result: PageResult = { ran: 0, notRun: [], isSkipped: false, mismatches: [] };
  for (const part of parts) if (part.kind === "not-run") result.notRun.push(part.reason);
  const second = parts.map((part) => ("host" in part ? part.host : "")).find(Boolean);
  using hosts = second === undefined ? undefined : TwoHosts.make();
  if (second !== undefined && hosts === undefined) return { ...result, isSkipped: true };
  await using run = new PageRun(await closedPort(), hosts);
  for (const part of parts) {
    if (part.kind === "not-run") continue;
    if (part.kind === "stop") await run.stop(part.name);
    else if (part.kind === "file") run.write(part.host, part.path, part.text);
    else if (part.kind === "copy") run.write(part.host, part.to, run.host("").read(part.from));
    else {
      result.mismatches.push(...(await run.block(part)));
      result.ran++;
    }
  }
  return result;
}

class PageRun implements AsyncDisposable {
  readonly #hosts = new Map<string, DocHost>();
  readonly #bindings: Bindings = new Map();
  readonly #address: string | undefined;

  readonly #namespaces: TwoHosts | undefined;

  constructor(port: number, namespaces: TwoHosts | undefined) {
    this.#address = namespaces === undefined ? undefined : "10.77.0.1";
    this.#namespaces = namespaces;
    if (namespaces === undefined) this.#hosts.set("", new DocHost(port));
  }

  /** The host of the control plane has no name; every other one is across the network. */
  host(name: string): DocHost {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const way = this.#namespaces?.on(name === "" ? 0 : 1) ?? [];
    const named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"'];
    const host = new DocHost(7420, [...way, ...named, name === "" ? "control" : name]);
    this.#hosts.set(name, host);
    return host;
  }

  async block(block: CommandBlock): Promise<Mismatch[]> {
    if (block.kind === "background") return this.#background(block);
    const found: Mismatch[] = [];
    const host = this.host(block.host);
    for (const step of block.steps) {
      const { lines, status } = await host.run(this.#typed(step.command, host));
      const printed = lines.map((line) => this.#shown(line, host));
      const expectation = { ...block, expected: step.expected };
      const text = difference(printed, expectation, this.#bindings);
      const exit = step === block.steps.at(-1) ? block.exit : 0;
      const wrong = status === exit ? "" : `exit status ${status}, not ${exit}\n`;
      if (text === undefined && wrong === "") continue;
      const why = text ?? printed.join("\n");
      found.push({ step, printed, message: `${at(step)}${wrong}${why}` });
    }
    return found;
  }

  write(on: string, path: string, text: string): void {
    const host = this.host(on);
    host.write(path, this.#typed(text, host));
  }

  async stop(name: string): Promise<void> {
    const running = this.#running(name);
    running.signal("SIGINT");
    await running.exited;
  }

  /** Waits for each line that the page shows, in order. */
  async #background({ host: on, name, steps, volatile }: CommandBlock): Promise<Mismatch[]> {
    const [step] = steps;
    if (step === undefined) return [];
    const host = this.host(on);
    const running = host.start(name, this.#typed(step.command, host));
    let from = 0;
    for (const expected of step.expected.filter((line) => line.trim() !== "")) {
      const isShown = (line: string) =>
        isLine(this.#shown(line, host), expected, volatile, this.#bindings);
      try {
        const matcher = { exec: (line: string) => (isShown(line) ? [line] : null) };
        await running.logged(matcher as unknown as RegExp, from);
        from = running.lines.findIndex((line, index) => index >= from && isShown(line)) + 1;
      } catch {
        const printed = running.lines.map((line) => this.#shown(line, host));
        const message = `${at(step)}not printed: ${expected}\nprinted:\n${printed.join("\n")}`;
        return [{ step, printed, message }];
      }
    }
    return [];
  }

  #running(name: string): Running {
    const found = [...this.#hosts.values()].map((host) => host.background(name)).find(Boolean);
    if (found === undefined) throw new Error(`nothing called "${name}" runs`);
    return found;
  }

  /** What the page says, in the words of this machine. */
  #typed(command: string, host: DocHost): string {
    let text = command.replace(/\b7420\b/g, `${host.port}`).replaceAll(shownHome, host.home);
    if (this.#address !== undefined) text = text.replaceAll(shownAddress, this.#address);
    for (const [name, value] of this.#bindings) text = text.replaceAll(name, value);
    return text;
  }

  /** What this machine says, in the words of the page. */
  #shown(line: string, host: DocHost): string {
    let text = line.replaceAll(host.home, shownHome);
    text = text.replace(new RegExp(`\\b${host.port}\\b`, "g"), "7420");
    if (this.#address !== undefined) text = text.replaceAll(this.#address, shownAddress);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of [...this.#hosts.values()].reverse()) await host[Symbol.asyncDispose]();
  }
}

function at({ line, command }: Step): string {
  return `line ${line}: $ ${command}\n`;
}
