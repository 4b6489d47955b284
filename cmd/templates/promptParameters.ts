/** Asks at the terminal for the parameters of a template that the command line lacks. */
import { createInterface } from "node:readline/promises";
import { missingPrompts, type TemplateView } from "../../lib/protocol/api/templates.ts";
import type { JsonObject } from "../../lib/protocol/json.ts";
import { exitInterrupted } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { isTerminal } from "../cli/terminal.ts";
import { parseParams } from "../flags/values.ts";
import { remark } from "../output/stdio.ts";

/**
 * Returns the given parameters and the answers.
 * @throws {WsctlError} USAGE without a terminal, with the names of the missing parameters.
 */
export async function promptParameters(
  template: TemplateView,
  given: JsonObject,
): Promise<JsonObject> {
  const missing = missingPrompts(template, given);
  if (missing.length === 0) return given;
  if (!isTerminal("stdin") || !isTerminal("stderr")) {
    const flags = missing.map((name) => `--param ${name}=…`).join(" ");
    throw usage(`Template "${template.name}" needs ${missing.join(", ")}: add ${flags}`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answers: JsonObject = {};
  try {
    for (const name of missing) {
      const { description = name } = template.prompts[name] ?? {};
      const answer = await terminal.question(`${description} (${name}): `).catch(() => undefined);
      if (answer === undefined) {
        // The user pressed Ctrl-C, or the input has ended.
        remark("\nNothing was sent");
        process.exit(exitInterrupted);
      }
      Object.assign(answers, parseParams([`${name}=${answer}`]));
    }
  } finally {
    terminal.close();
  }
  return { ...given, ...answers };
}
