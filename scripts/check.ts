/** The quick gate: format, lint, types, unit tests, rules of the tree and of the documents. */
import { formatStep, pageTypesStep, runStep, runTests, typesStep } from "./steps.ts";

const steps = [formatStep, typesStep, pageTypesStep];
const tally = { passed: 0, failed: 0 };
for (const step of steps) {
  if (await runStep(step)) tally.passed++;
  else tally.failed++;
}
const rules = ["docs", "docstrings", "glossary", "tidy", "walls", "words"];
const files = rules.map((name) => `test/${name}.test.ts`);
const tests = await runTests(["test/lib", "test/cmd", ...files]);
console.log(`${tally.passed + tests.passed} passed, ${tally.failed + tests.failed} failed`);
process.exit(tally.failed + tests.failed === 0 ? 0 : 1);
