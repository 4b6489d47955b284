/** Which proxy an address is reached through. */
import { describe, expect, test } from "bun:test";
import { assertProxyVariables, findProxy, proxyHeaders } from "../../../lib/network/proxyRules.ts";

const found = (url: string, env: Record<string, string>) => findProxy(new URL(url), env)?.url;

test.each([
  ["https://h", { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
  ["wss://h", { https_proxy: "http://p:1", HTTPS_PROXY: "http://q:1" }, "http://p:1"],
  ["https://h", { HTTP_PROXY: "http://p:1" }, undefined],
  ["ws://h", { HTTP_PROXY: "http://p:1" }, "http://p:1"],
  ["ws://h", { ALL_PROXY: "http://p:1" }, "http://p:1"],
  ["https://h", { all_proxy: "http://p:1", HTTPS_PROXY: "http://q:1" }, "http://q:1"],
  ["https://h", { https_proxy: "", HTTPS_PROXY: "http://q:1" }, "http://q:1"],
  ["https://h", { HTTPS_PROXY: "p:3128" }, "http://p:3128"],
  ["https://h", { HTTPS_PROXY: "http://p" }, "http://p:80"],
  ["https://h", { HTTPS_PROXY: "https://u:w@p/" }, "https://p:443"],
  ["https://h", { HTTPS_PROXY: "http://[2001:db8::1]:3128" }, "http://[2001:db8::1]:3128"],
])("%s with %j: %s", (url, env, expected) => {
  expect(found(url, env as Record<string, string>)).toBe(expected as string);
});

describe("NO_PROXY", () => {
  test.each([
    ["https://a.example.com", "*", true],
    ["https://a.example.com", "example.com", true],
    ["https://a.example.com", ".example.com", true],
    ["https://a.example.com", "*.example.com", true],
    ["https://A.EXAMPLE.com.", "Example.COM", true],
    ["https://example.com", ".example.com", true],
    ["https://notexample.com", "example.com", false],
    ["https://a.example.com", "b.example.com other", false],
    ["https://a.example.com", "other, a.example.com", true],
    ["https://a.example.com:8443", "example.com:8443", true],
    ["https://a.example.com", "example.com:8443", false],
    ["https://a.example.com", "example.com:443", true],
    ["https://10.1.2.3", "10.0.0.0/8", true],
    ["https://11.1.2.3", "10.0.0.0/8", false],
    ["https://10.1.2.3:7420", "10.1.2.3:7420", true],
    ["https://10.1.2.3", "2.3", false],
    ["https://[2001:db8::5]:1", "2001:db8::/32", true],
    ["https://[2001:db8::5]:1", "[2001:db8::5]:1", true],
    ["https://[2001:db8::5]:1", "[2001:db8::5]:2", false],
    ["https://[::ffff:10.1.2.3]", "10.0.0.0/8", true],
    ["https://127.0.0.1:7420", "", true],
    ["https://[::1]:7420", "", true],
    ["http://localhost:7420", "", true],
    ["https://localhost.example.com", "", false],
    ["https://a.example.com", ",", false],
  ])("%s with %j: direct is %s", (url, list, isDirect) => {
    const env = { ALL_PROXY: "http://p:1", NO_PROXY: list };
    expect(found(url, env) === undefined).toBe(isDirect);
  });
});

test("credentials are decoded, and are no part of the URL", () => {
  const proxy = findProxy(new URL("https://h"), { HTTPS_PROXY: "http://us%40er:p%3Aw%@p:1" });
  expect(proxy).toEqual({
    url: "http://p:1",
    credentials: { username: "us@er", password: "p%3Aw%" },
  });
  const basic = `Basic ${Buffer.from("us@er:p%3Aw%").toString("base64")}`;
  expect(proxy && proxyHeaders(proxy)).toEqual({ "Proxy-Authorization": basic });
});

test.each(["socks5://p:1", "ftp://p", "http://", "http://p:99999"])("%s is refused", (value) => {
  expect(() => assertProxyVariables({ http_proxy: value })).toThrow(/http_proxy/);
  expect(() => assertProxyVariables({ NO_PROXY: value })).not.toThrow();
});
