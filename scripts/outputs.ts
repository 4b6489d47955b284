/**
 * Runs the command blocks of pages and writes what the binary printed into them: to be read and,
 * where a line is volatile, to be marked. `npm run outputs -- docs/tutorial.md`
 */
import { readFileSync, writeFileSync } from "node:fs";
import { readPage } from "../test/support/docs/page.ts";
import { runPage } from "../test/support/docs/runPage.ts";

for (const page of process.argv.slice(2)) {
  const text = readFileSync(page, "utf8");
  const { ran, notRun, mismatches } = await runPage(readPage(text));
  const lines = text.split("\n");
  for (const { step, printed, message } of mismatches.toReversed()) {
    console.log(`${page}, ${message}\n`);
    const first = step.line - 1 + step.command.split("\n").length;
    lines.splice(first, step.expected.length, ...printed);
  }
  writeFileSync(page, lines.join("\n"));
  console.log(`${page}: ${ran} ran, ${notRun.length} not-run, ${mismatches.length} rewritten`);
}
process.exit(0);
