/** A docstring says which errors its function throws. */
import { expect, test } from "bun:test";
import { sources } from "./support/fixtures/sources.ts";

/** Formatted sources end a function at the first line that has only a brace. */
const exportedFunction =
  /(?<doc>\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?^export (?:async )?function\*? (?<name>\w+)[\s\S]*?^\}$/gm;

test("an exported function that throws a WsctlError names its code in @throws", () => {
  const missing = sources("cmd", "lib").flatMap(({ path, text }) =>
    [...text.matchAll(exportedFunction)].flatMap(({ 0: body, groups }) => {
      const { doc = "", name } = groups ?? {};
      return thrownCodes(body)
        .filter((code) => !new RegExp(`@throws \\{WsctlError\\}.*\\b${code}\\b`).test(doc))
        .map((code) => `${path}: ${name} throws ${code}`);
    }),
  );
  expect(missing).toEqual([]);
});

function thrownCodes(body: string): string[] {
  const codes = [...body.matchAll(/throw new WsctlError\(\s*"([A-Z_]+)"/g)].map(
    ([, code = ""]) => code,
  );
  if (/throw usage\(/.test(body)) codes.push("USAGE");
  return [...new Set(codes)];
}
