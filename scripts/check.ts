/** The quick gate: format, lint, types, unit tests, tree rules. */
import { formatStep, runStep, runTests, typesStep } from "./steps.ts";

const steps = [formatStep, typesStep];
const tally = { passed: 0, failed: 0 };
for (const step of steps) {
  if (await runStep(step)) tally.passed++;
  else tally.failed++;
}
const tests = await runTests(["test/lib", "test/cmd", "test/tidy.test.ts", "test/walls.test.ts"]);
console.log(`${tally.passed + tests.passed} passed, ${tally.failed + tests.failed} failed`);
process.exit(tally.failed + tests.failed === 0 ? 0 : 1);
