/** The progress of a rollout, one row for each of its waves. */
import { Badge, Time } from "../parts/badge.tsx";
import { requestTone, visible } from "../state/format.ts";
import type { Wave } from "../state/waves.ts";

export function Waves({ waves }: { waves: readonly Wave[] }) {
  if (waves.length === 0) return null;
  return (
    <section aria-label="Rollout">
      <ol class="waves">
        {waves.map((wave) => (
          <WaveRow key={wave.title} wave={wave} />
        ))}
      </ol>
    </section>
  );
}

function WaveRow({ wave }: { wave: Wave }) {
  const { title, state, total, ended, counts, startsAt } = wave;
  const words = counts.map(([each, count]) => `${count} ${each}`).join(", ");
  return (
    <li aria-current={state.text === "runs" ? "step" : undefined}>
      <span class="name">{visible(title)}</span>
      <Badge {...state} />
      <span class="progress">
        <span class="bar" role="img" aria-label={`${title}: ${words}`} title={words}>
          {counts.map(([each, count]) => (
            <span
              key={each}
              class={each === "queued" ? "queued" : requestTone(each)}
              style={{ width: `${(100 * count) / total}%` }}
            />
          ))}
        </span>
        <span class="count" aria-hidden="true">
          {ended}/{total}
        </span>
      </span>
      <span class="quiet">
        {words}
        {startsAt !== undefined && (
          <>
            , starts <Time at={new Date(startsAt).toISOString()} isFuture={true} />
          </>
        )}
      </span>
    </li>
  );
}
