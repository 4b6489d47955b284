/** The console's login with a token, as a browser and as an attacker would use it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { permits } from "../../lib/control/auth/permissions.ts";
import { routes } from "../../lib/control/http/routes.ts";
import { type Asked, Visitor } from "../support/clients/visitor.ts";
import { adminToken } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import type { Flavour } from "../support/processes/processes.ts";

export function consoleLoginSuite(flavour: Flavour): void {
  describe(`the console on ${flavour}`, () => {
    let fleet: JoinableFleet;
    let ca = "";
    let admin = "";
    const at = (path: string) => fleet.serving.url + path;

    beforeAll(async () => {
      fleet = await JoinableFleet.start({ flavour });
      ca = await Bun.file(`${fleet.dataDir}/tls/ca.pem`).text();
      admin = adminToken(fleet.dataDir);
    });
    afterAll(() => fleet[Symbol.asyncDispose]());

    const logIn = async (token: string, asked: Asked = {}, visitor = new Visitor(ca)) => {
      const { status, text } = await visitor.ask(at("/console/login"), {
        method: "POST",
        body: { token },
        ...asked,
      });
      return { visitor, status, text };
    };
    const agents = async (visitor: Visitor) => (await visitor.ask(at("/api/v1/agents"))).status;

    test("its page loads what is ours and nothing else, in no frame of anybody's", async () => {
      const visitor = new Visitor(ca);
      const page = await visitor.ask(at("/"));
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(
        /<script(?![^>]* src="console\/)|\son[a-z]+=|style=|https?:\/\//,
      );
      const loaded = [...page.text.matchAll(/(?:src|href)="(console\/[^"]+\.\w+)"/g)];
      const paths = ["/", ...loaded.map(([, path = ""]) => `/${path}`), "/console/login"];
      expect(paths.length).toBeGreaterThan(4);
      for (const path of paths) {
        // Browsers say whose page asks for a module.
        const asked = path.endsWith(".js") ? { origin: new URL(fleet.serving.url).origin } : {};
        const { status, headers } = await visitor.ask(at(path), asked);
        expect({ path, status }).toEqual({ path, status: 200 });
        const policy = headers.get("content-security-policy") ?? "";
        expect(policy.split("; ").sort()).toEqual([
          "base-uri 'none'",
          "connect-src 'self'",
          "default-src 'none'",
          "form-action 'none'",
          "frame-ancestors 'none'",
          "img-src 'self'",
          "require-trusted-types-for 'script'",
          "script-src 'self'",
          "style-src 'self'",
          "trusted-types 'none'",
        ]);
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("referrer-policy")).toBe("same-origin");
        expect(headers.get("x-frame-options")).toBe("DENY");
        expect(headers.get("cache-control")).toBe("no-store");
      }
    });

    test("a token becomes a cookie that no script and no other site gets", async () => {
      const { visitor, status, text } = await logIn(admin);
      expect({ status, text }).toEqual({ status: 204, text: "" });
      const [cookie = ""] = visitor.setCookies;
      expect(cookie).toMatch(/^__Host-wsctl-login-[0-9a-f]{8}=[\w-]{43};/);
      const flags = cookie.split("; ").slice(1).sort();
      expect(flags).toEqual(["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
      expect(cookie).not.toContain(admin);
      expect(await agents(visitor)).toBe(200);
      const who = JSON.parse((await visitor.ask(at("/console/login"))).text);
      expect(who).toMatchObject({ logged_in: true, role: "admin", oidc: false });
      for (const path of ["/api/v1/agents", "/api/v1/agents?token=x"]) {
        const { headers } = await visitor.ask(at(path));
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("cache-control")).toBe("no-store");
      }
    });

    test("console: a cookie authorizes no change, unless its own page asks for it", async () => {
      const { visitor } = await logIn(admin);
      for (const [method, path, body] of [
        ["POST", "/api/v1/tokens", { role: "admin" }],
        ["POST", "/api/v1/jobs", { command: "ping", target: { all: true } }],
        ["POST", "/api/v1/agents/x/revoke", {}],
        ["POST", "/api/v1/targets", { target: { all: true } }],
        ["DELETE", "/api/v1/tokens/0123456789ab", undefined],
      ] as const) {
        for (const origin of ["", "null", "https://evil.example"]) {
          const { status, text } = await visitor.ask(at(path), { method, body, origin });
          expect({ path, origin, status }).toEqual({ path, origin, status: 403 });
          expect(text).toMatch(
            origin === "" ? /Only the console page at/ : /Cross-origin requests are not allowed/,
          );
        }
        for (const site of ["cross-site", "same-site"]) {
          const headers = { "Sec-Fetch-Site": site };
          expect((await visitor.ask(at(path), { method, body, headers })).status).toBe(403);
        }
      }
      expect(JSON.parse((await visitor.ask(at("/api/v1/jobs"))).text).items).toEqual([]);
      // The same requests from its own page: no refusal, but an answer.
      const order = { command: "ping", target: { agents: ["nobody"] } };
      const sent = await visitor.ask(at("/api/v1/jobs"), { method: "POST", body: order });
      expect(JSON.parse(sent.text).error.code).toBe("NO_MATCH");
    });

    test("console: an origin does not help a request with a token of its own", async () => {
      const { visitor } = await logIn(admin);
      const headers = { Authorization: `Bearer ${admin}` };
      const asked = { method: "POST", body: { target: { all: true } }, headers };
      const { status, text } = await visitor.ask(at("/api/v1/targets"), asked);
      expect(status).toBe(403);
      expect(text).toContain("Cross-origin requests are not allowed");
    });

    test("console: a login may call what the role permits, except what is for programs", async () => {
      const { visitor } = await logIn(admin);
      // The stream of events does not end by itself; a test of its own reads it.
      for (const route of routes.filter(({ path }) => path !== "/api/v1/events")) {
        const path = route.path.replace(/:\w+/g, "none");
        const body = route.method === "POST" ? {} : undefined;
        // It wants the origin of the page, also for reading: see consoleSession.test.ts.
        if (path === "/api/v1/session") continue;
        const { status, text } = await visitor.ask(at(path), { method: route.method, body });
        const isKept = text.includes("Console sessions may not call this route");
        expect({ path, isKept }).toEqual({ path, isKept: route.notInConsole === true });
        const isPermitted = permits("admin", route.permission) && route.notInConsole !== true;
        expect({ path, isIn: status !== 401 && status !== 403 }).toEqual({
          path,
          isIn: isPermitted,
        });
      }
    });

    test("a page of another site, or of another port, does not read by it", async () => {
      const { visitor } = await logIn(admin);
      for (const site of ["cross-site", "same-site"]) {
        const headers = { "Sec-Fetch-Site": site };
        expect((await visitor.ask(at("/api/v1/agents"), { headers })).status).toBe(403);
      }
      const headers = { "Sec-Fetch-Site": "same-origin" };
      expect((await visitor.ask(at("/api/v1/agents"), { headers })).status).toBe(200);
    });

    const wrongPages: [string, Asked, RegExp][] = [
      ["no origin", { origin: "" }, /Only the console page at/],
      [
        "another origin",
        { origin: "https://evil.example" },
        /Cross-origin requests are not allowed/,
      ],
      ["the origin null", { origin: "null" }, /Cross-origin requests are not allowed/],
      [
        "another site",
        { headers: { "Sec-Fetch-Site": "cross-site" } },
        /Cross-origin requests are not allowed/,
      ],
      [
        "another port",
        { headers: { "Sec-Fetch-Site": "same-site" } },
        /Cross-origin requests are not allowed/,
      ],
      [
        // A name that somebody else's page has made point here.
        "another name",
        { origin: "https://evil.example", headers: { Host: "evil.example" } },
        /Host header is not allowed/,
      ],
    ];
    test.each(wrongPages)("with %s nobody is logged in or out", async (_name, asked, says) => {
      const { visitor, status, text } = await logIn(admin, asked);
      expect(text).toMatch(says);
      expect({ status, set: visitor.setCookies }).toEqual({ status: 403, set: [] });
      await logIn(admin, {}, visitor);
      const out = await visitor.ask(at("/console/logout"), { method: "POST", ...asked });
      expect(out.status).toBe(403);
      expect(await agents(visitor)).toBe(200);
    });

    test("each login has another secret, whatever the browser brought", async () => {
      const name = (await logIn(admin)).visitor.setCookies[0]?.split("=")[0] ?? "";
      const visitor = new Visitor(ca);
      const planted = "p".repeat(43);
      visitor.setCookie(fleet.serving.url, name, planted);
      await logIn(admin, {}, visitor);
      const first = visitor.cookie(fleet.serving.url, /login/) ?? "";
      expect(first).not.toBe(planted);
      await logIn(admin, {}, visitor);
      expect(visitor.cookie(fleet.serving.url, /login/)).not.toBe(first);
      // Neither what was planted nor what it had before is good for anything.
      for (const secret of [planted, first]) {
        visitor.setCookie(fleet.serving.url, name, secret);
        expect(await agents(visitor)).toBe(401);
      }
    });

    test("logging out ends it here, and not in the browser alone", async () => {
      const { visitor } = await logIn(admin);
      const [cookie = ""] = visitor.setCookies;
      expect((await visitor.ask(at("/console/logout"), { method: "POST" })).status).toBe(204);
      expect(visitor.cookie(fleet.serving.url, /login/)).toBeUndefined();
      const thief = new Visitor(ca);
      thief.setCookie(
        fleet.serving.url,
        ...((/^([^=]+)=([^;]+)/.exec(cookie) ?? []).slice(1) as [string, string]),
      );
      expect(await agents(thief)).toBe(401);
    });

    test("it has the token's role and scope, and ends with the token", async () => {
      const token = await fleet.newToken("--role", "viewer", "--target", "env=staging");
      const [, id = ""] = token.split("-");
      await fleet.newToken("--agent", "web-1", "--label", "env=prod");
      const { visitor } = await logIn(token);
      expect(JSON.parse((await visitor.ask(at("/api/v1/agents"))).text).items).toEqual([]);
      expect((await visitor.ask(at("/api/v1/tokens"))).status).toBe(403);
      const whoami = JSON.parse((await visitor.ask(at("/api/v1/whoami"))).text);
      expect(whoami).toMatchObject({ token_id: id, role: "viewer", target: "env=staging" });
      await fleet.run("tokens", "revoke", id);
      expect(await agents(visitor)).toBe(401);
    });

    test("a token's new secret ends what its old one began", async () => {
      const token = await fleet.newToken("--role", "viewer");
      const { visitor } = await logIn(token);
      await fleet.run("tokens", "rotate", token.split("-")[1] ?? "");
      expect(await agents(visitor)).toBe(401);
    });

    test("console: agent and join tokens cannot log in", async () => {
      const agent = await fleet.newToken("--agent", "web-2");
      const join = (await fleet.joinText()).split(".")[3] ?? "";
      for (const token of [agent, join]) {
        const { status, text, visitor } = await logIn(token);
        expect({ status, set: visitor.setCookies }).toEqual({ status: 403, set: [] });
        expect(text).toContain("admin, operator or viewer");
      }
    });

    test("who logged in and out, and who was refused, is in the audit trail", async () => {
      const { visitor } = await logIn(admin);
      await visitor.ask(at("/console/logout"), { method: "POST" });
      await logIn(`${admin.slice(0, -1)}x`);
      const { stdout } = await fleet.run("audit", "export");
      const records = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const [, actor] = admin.split("-");
      const about = records
        .map(({ record }) => record)
        .filter(({ action }) => /^console/.test(action));
      expect(about).toContainEqual(
        expect.objectContaining({
          action: "console.login",
          outcome: "accepted",
          actor,
          role: "admin",
        }),
      );
      expect(about).toContainEqual(
        expect.objectContaining({ action: "console.logout", outcome: "accepted", actor }),
      );
      expect(about).toContainEqual(
        expect.objectContaining({
          action: "console.login",
          outcome: "refused",
          code: "UNAUTHORIZED",
        }),
      );
      expect(stdout).not.toContain(admin);
    });

    test("too many wrong tokens and cookies are told to wait, and a good one never", async () => {
      const { visitor: inside } = await logIn(admin);
      const statuses: number[] = [];
      for (let count = 0; count < 22; count++) statuses.push((await logIn("wrong")).status);
      expect(statuses).toContain(401);
      expect(statuses.at(-1)).toBe(429);
      const guesser = new Visitor(ca);
      guesser.setCookie(fleet.serving.url, inside.setCookies[0]?.split("=")[0] ?? "", "guess");
      expect(await agents(guesser)).toBe(429);
      expect(await agents(inside)).toBe(200);
      expect((await logIn(admin)).status).toBe(204);
    });
  });
}
