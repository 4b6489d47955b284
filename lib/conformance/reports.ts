/** Reports of a run for other programs: JUnit XML, and a badge. */
import { type CheckResult, summarize } from "./check.ts";

/** The XML that continuous integration systems read: a suite for each group of checks. */
export function formatJunit(suite: string, results: readonly CheckResult[]): string {
  const groups = [...Map.groupBy(results, ({ id }) => id.split("/")[0] ?? "")];
  const body = groups.map(([group, list]) => {
    const failures = list.filter(({ verdict }) => verdict === "failed").length;
    const skipped = list.filter(({ verdict }) => verdict === "skipped").length;
    const counts = `tests="${list.length}" failures="${failures}" skipped="${skipped}"`;
    return `  <testsuite name="${escapeXml(`${suite}.${group}`)}" ${counts}>
${list.map((each) => formatCase(group, each)).join("\n")}
  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="${escapeXml(suite)}">
${body.join("\n")}
</testsuites>
`;
}

function formatCase(group: string, result: CheckResult): string {
  const { id, level, title, source, verdict, detail = "", duration_ms } = result;
  const name = escapeXml(`${id} (${level}): ${title}`);
  const open = `    <testcase classname="${escapeXml(group)}" name="${name}" time="${duration_ms / 1000}"`;
  if (verdict === "passed") return `${open}/>`;
  const tag = verdict === "failed" ? "failure" : "skipped";
  const inner = `<${tag} message="${escapeXml(detail)}">${escapeXml(source)}</${tag}>`;
  return `${open}>${inner}</testcase>`;
}

function escapeXml(text: string): string {
  const named: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  const plain = text.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "?").toWellFormed();
  return plain.replaceAll(/[&<>"]/g, (char) => named[char] ?? char);
}

/** A badge in the format of shields.io endpoints. */
export function formatBadge(label: string, results: readonly CheckResult[]): string {
  const { conforms, counts } = summarize(results);
  const passed = counts.must.passed + counts.should.passed + counts.may.passed;
  const checked = results.filter(({ verdict }) => verdict !== "skipped").length;
  const failedShould = counts.should.failed > 0;
  const color = !conforms ? "red" : failedShould ? "yellowgreen" : "brightgreen";
  const message = conforms ? `conforms, ${passed} of ${checked}` : `${counts.must.failed} failed`;
  return `${JSON.stringify({ schemaVersion: 1, label, message, color }, null, 2)}\n`;
}
