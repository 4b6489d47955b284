/** A control plane and an OpenID provider that know each other, with people in groups. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Visitor } from "../clients/visitor.ts";
import { closedPort } from "../processes/cli.ts";
import {
  type Flavour,
  type ServeOptions,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../processes/processes.ts";
import {
  clientId,
  clientSecret,
  type ProviderSettings,
  type RunningProvider,
  startProvider,
} from "./oidcProvider.ts";

export const groups = { ada: ["ops", "staff"], bob: ["staff"], eve: ["guests"] };
export const grants = ["--oidc-grant", "staff=viewer", "--oidc-grant", "ops=operator"];

export class OidcPair implements AsyncDisposable {
  readonly #dir: string & Disposable;
  readonly #serve: ServeOptions;
  serving: Serving;
  readonly provider: RunningProvider;
  readonly #path: string;

  private constructor(
    dir: string & Disposable,
    serve: ServeOptions,
    serving: Serving,
    provider: RunningProvider,
    path: string,
  ) {
    this.#dir = dir;
    this.#serve = serve;
    this.#path = path;
    this.serving = serving;
    this.provider = provider;
  }

  /** @param options With a path, the public URL of the control plane is below it. */
  static async start(
    options: { flavour?: Flavour; args?: string[]; path?: string } & Partial<ProviderSettings> = {},
  ): Promise<OidcPair> {
    const { flavour = "binary", args = [], path = "", ...settings } = options;
    const dir = temporaryDir();
    const port = await closedPort();
    const redirectUris = [`http://127.0.0.1:${port}${path}/console/oidc/callback`];
    const provider = await startProvider({ redirectUris, groups, ...settings });
    const secret = join(dir, "secret");
    writeFileSync(secret, `${clientSecret}\n`);
    const at = ["--oidc-issuer", provider.issuer, "--oidc-client-id", clientId];
    const own = [...at, "--oidc-client-secret-file", secret, ...grants, ...args];
    if (path !== "") own.push("--public-url", `http://127.0.0.1:${port}${path}`);
    const serve = { dataDir: dir, flavour, port, args: own };
    return new OidcPair(dir, serve, await startServe(serve), provider, path);
  }

  /**
   * Starts the control plane again, at the same address and with the same data.
   *
   * @param whileDown What is waited for before.
   */
  async restart(whileDown: () => Promise<unknown>): Promise<void> {
    await this.serving.process.stop();
    await whileDown();
    this.serving = await startServe(this.#serve);
  }

  get url(): string {
    return this.serving.url + this.#path;
  }

  get dataDir(): string {
    return `${this.#dir}`;
  }

  /** To the provider, as its address has it; `changed` is what a thief would do with that. */
  async begin(visitor: Visitor, who: string, changed: Record<string, string> = {}) {
    const begun = await visitor.ask(`${this.url}/console/oidc`);
    expect(begun.status).toBe(302);
    const url = new URL(begun.headers.get("location") ?? "");
    for (const [name, value] of Object.entries({ login_hint: who, ...changed })) {
      url.searchParams.set(name, value);
    }
    return url.href;
  }

  /** Through the provider: the address that it sends the browser back to. */
  async back(visitor: Visitor, url: string): Promise<string> {
    return (await visitor.follow(url, (at) => at.startsWith(this.url))).url;
  }

  async logIn(visitor: Visitor, who: string, changed: Record<string, string> = {}) {
    const back = await this.back(visitor, await this.begin(visitor, who, changed));
    return { back, answer: await visitor.ask(back) };
  }

  async standing(visitor: Visitor) {
    return JSON.parse((await visitor.ask(`${this.url}/console/login`)).text);
  }

  async audited(selected = "console.login"): Promise<Record<string, unknown>[]> {
    const { stdout } = await wsctl(["audit", "export", "--data-dir", this.dataDir]);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line).record).filter(({ action }) => action === selected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.serving[Symbol.asyncDispose]();
    await this.provider[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }
}
