/** A browser as far as HTTP goes: it keeps cookies, says where a request comes from, and follows. */

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export interface Asked {
  method?: string;
  /** Sent as JSON, or as a form if it is `URLSearchParams`. */
  body?: unknown;
  headers?: Record<string, string>;
  /** By default the page of the same address for what is posted, none otherwise. */
  origin?: string | undefined;
}

export class Visitor {
  /** By host and port, which browsers would not tell apart. */
  readonly #cookies = new Map<string, Map<string, string>>();
  /** Each `Set-Cookie` as it came. */
  readonly setCookies: string[] = [];
  readonly #ca: string | undefined;

  constructor(ca?: string) {
    this.#ca = ca;
  }

  async ask(url: string, { method = "GET", body, headers = {}, origin }: Asked = {}) {
    const { host, origin: own } = new URL(url);
    const jar = this.#jar(host);
    const from = origin ?? (method === "GET" ? undefined : own);
    const response = await fetch(url, {
      method,
      redirect: "manual",
      headers: {
        ...(jar.size === 0 ? {} : { Cookie: [...jar].map((pair) => pair.join("=")).join("; ") }),
        ...(from === undefined || from === "" ? {} : { Origin: from }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: body instanceof URLSearchParams ? body : JSON.stringify(body) }),
      ...(this.#ca === undefined ? {} : { tls: { ca: this.#ca } }),
    });
    for (const cookie of response.headers.getSetCookie()) this.#take(jar, cookie);
    const { status } = response;
    return { status, headers: response.headers, text: await response.text() } satisfies Answer;
  }

  /** Goes where it is sent, until somebody answers with something else. */
  async follow(url: string, isFar: (url: string) => boolean = () => false): Promise<Followed> {
    let at = url;
    for (let hops = 0; hops < 20; hops++) {
      if (isFar(at)) return { url: at };
      const answer = await this.ask(at);
      const location = answer.headers.get("location");
      if (location === null) return { url: at, answer };
      at = new URL(location, at).href;
    }
    throw new Error(`sent around in circles, last to ${at}`);
  }

  cookie(url: string, name: RegExp): string | undefined {
    return [...this.#jar(new URL(url).host)].find(([key]) => name.test(key))?.[1];
  }

  setCookie(url: string, name: string, value: string): void {
    this.#jar(new URL(url).host).set(name, value);
  }

  #jar(host: string): Map<string, string> {
    const jar = this.#cookies.get(host) ?? new Map();
    this.#cookies.set(host, jar);
    return jar;
  }

  #take(jar: Map<string, string>, cookie: string): void {
    this.setCookies.push(cookie);
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (value === "" || /max-age=0/i.test(cookie)) jar.delete(name);
    else jar.set(name, value);
  }
}

export interface Followed {
  url: string;
  answer?: Answer;
}
