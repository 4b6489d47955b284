/** The audit trail: the newest entries by filter, and whether the chain is intact. */
import { useState } from "preact/hooks";
import type {
  AuditLine,
  AuditPage as Trail,
  VerifyResult,
} from "../../../../protocol/api/audit.ts";
import { AuditRows } from "../lists/auditRows.tsx";
import { Badge, Problem, Skeleton } from "../parts/badge.tsx";
import { say } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { useLive } from "../state/live.ts";
import { route, setQuery } from "../state/router.ts";

const pageSize = 200;
const shownMax = 1_000;
const filters = [
  ["action", "Action: job.* or token.create"],
  ["by", "By: name or ID"],
  ["agent", "Agent"],
  ["command", "Command"],
] as const;

export function AuditPage() {
  const { query } = route.value;
  const [wanted, setWanted] = useState(pageSize);
  const given = filters.map(([name]) => [name, query.get(name)?.trim() ?? ""]);
  const filled = given.filter(([, value]) => value !== "");
  const search = new URLSearchParams([...filled, ["limit", String(wanted)]]);
  const [words, setWords] = useState("");
  const { data, error } = useLive(
    `audit ${search}`,
    (signal) => get<Trail>(`api/v1/audit?${search}`, signal),
    { everyMs: 5_000 },
  );
  const found = data?.items.filter((each) => hasWords(each, words)) ?? [];
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Audit</h1>
        <p class="quiet" role="status">
          {data !== undefined && `${found.length} of the newest ${data.items.length} entries`}
        </p>
        <Chain />
      </div>
      <div class="filters">
        {filters.map(([name, label], index) => (
          <input
            key={name}
            type={index === 0 ? "search" : "text"}
            list={undefined}
            aria-label={label}
            placeholder={label}
            autocomplete="off"
            spellcheck={false}
            value={query.get(name) ?? ""}
            onInput={(event) => setQuery({ [name]: event.currentTarget.value })}
          />
        ))}
        <input
          aria-label="Words in these entries"
          placeholder="Words in these entries"
          autocomplete="off"
          spellcheck={false}
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
      </div>
      <Problem text={error} />
      {data === undefined ? error === "" && <Skeleton rows={12} /> : <AuditRows lines={found} />}
      {data !== undefined && data.items.length >= wanted && wanted < shownMax && (
        <p>
          <button type="button" onClick={() => setWanted(shownMax)}>
            Show older entries
          </button>
        </p>
      )}
    </>
  );
}

function hasWords({ record }: AuditLine, words: string): boolean {
  const text = JSON.stringify(record).toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function Chain() {
  const [result, setResult] = useState<VerifyResult>();
  const [isBusy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    try {
      setResult(await get<VerifyResult>("api/v1/audit/verify"));
    } catch (error) {
      say((error as Error).message, { isBad: true });
    }
    setBusy(false);
  };
  return (
    <>
      {result !== undefined &&
        (result.intact ? (
          <Badge text={`chain intact up to entry ${result.head.sequence}`} tone="good" />
        ) : (
          <Badge text={`chain broken: ${result.reason}`} tone="bad" />
        ))}
      <button type="button" onClick={verify} disabled={isBusy}>
        Verify the chain
      </button>
    </>
  );
}
