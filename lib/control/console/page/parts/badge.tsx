/** States, times and labels: small pieces that every page shows alike. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ago, type Shown, type StateOfJob, type Tone, until, visible } from "../state/format.ts";
import { href } from "../state/router.ts";

const signs: Record<Tone, string> = { good: "✓", bad: "✕", wait: "◐", off: "○" };

/** A state as a sign, a colour and a word. */
export function Badge({ text, tone }: Shown) {
  return (
    <span class={`badge ${tone}`}>
      <span class="sign" aria-hidden="true">
        {signs[tone]}
      </span>
      {visible(text)}
    </span>
  );
}

/** The time as the relative times on the page see it. */
const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1_000);

/** A relative time; the exact one is in its title. */
export function Time({ at, isFuture = false }: { at: string | undefined; isFuture?: boolean }) {
  if (at === undefined) return <span class="quiet">never</span>;
  return (
    <time dateTime={at} title={at}>
      {isFuture ? until(at, now.value) : ago(at, now.value)}
    </time>
  );
}

export function Labels({ labels }: { labels: Readonly<Record<string, string>> | undefined }) {
  return (
    <span class="labels">
      {Object.entries(labels ?? {}).map(([name, value]) => (
        <span key={name} class="label">
          {visible(`${name}=${value}`)}
        </span>
      ))}
    </span>
  );
}

export function AgentLink({ id }: { id: string }) {
  return (
    <a class="main" href={href(["agents", id])}>
      {visible(id)}
    </a>
  );
}

/** How many of a job's requests succeeded, did not, and are open. */
export function Progress({ job }: { job: StateOfJob }) {
  const { total, ended, succeeded } = job;
  const failed = ended - succeeded;
  const share = (count: number) => ({ width: `${total === 0 ? 0 : (100 * count) / total}%` });
  const words = `${succeeded} succeeded${failed > 0 ? `, ${failed} did not` : ""}, of ${total}`;
  return (
    <span class="progress">
      <span class="bar" role="img" aria-label={words} title={words}>
        <span class="good" style={share(succeeded)} />
        <span class="bad" style={share(failed)} />
      </span>
      <span class="count" aria-hidden="true">
        {ended}/{total}
      </span>
    </span>
  );
}

/** A page that has nothing to show says what to do next. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      <div>{children}</div>
    </div>
  );
}

/** Keeps the place of what is still being read. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

export function Problem({ text }: { text: string }) {
  if (text === "") return null;
  return (
    <p class="problem" role="alert">
      {visible(text)}
    </p>
  );
}

/** Terms and values. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  const shown = facts.filter(([, value]) => value !== undefined && value !== "");
  return (
    <dl class="facts">
      {shown.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{typeof value === "string" ? visible(value) : value}</dd>
        </div>
      ))}
    </dl>
  );
}
