/** All agents: search, chips of selectors, states, sorting, and actions on many of them. */
import { useMemo, useState } from "preact/hooks";
import type { SavedTargetView } from "../../../../protocol/api/target.ts";
import type { AgentView, Page } from "../../../../protocol/api/views.ts";
import { AgentActions } from "../lists/agentActions.tsx";
import { agentColumns } from "../lists/agentColumns.tsx";
import { sorted, Table } from "../lists/table.tsx";
import { Empty, Problem, Skeleton } from "../parts/badge.tsx";
import { ColumnChoice, chosenColumns } from "../parts/columnChoice.tsx";
import { get } from "../state/api.ts";
import {
  agentStates,
  chipsOf,
  countValues,
  filterAgents,
  hasState,
  isSelectorText,
  joinSelectors,
  type SavedTargets,
} from "../state/filter.ts";
import { fleetError, useFleet } from "../state/fleet.ts";
import { counted, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { href, route, setQuery } from "../state/router.ts";
import { may } from "../state/session.ts";

const idsMax = 200;

export function AgentsPage() {
  const agents = useFleet();
  const saved = useSavedTargets();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { query } = route.value;
  const text = query.get("q") ?? "";
  const state = query.get("state") ?? "";
  const selectors = chipsOf(query.get("selector") ?? "");
  const sort = { id: query.get("sort") ?? "agent", isDown: query.get("down") === "1" };
  const { found, error } = useMemo(
    () => filterAgents(agents ?? [], { text, selectors, state }, saved),
    [agents, saved, text, state, query.get("selector")],
  );
  const rows = useMemo(() => sorted(found, agentColumns, sort), [found, sort.id, sort.isDown]);
  const setChips = (next: readonly string[]) => setQuery({ selector: joinSelectors(next) });
  if (agents === undefined) {
    return (
      <>
        <div class="title">
          <h1 tabIndex={-1}>Agents</h1>
        </div>
        <Problem text={fleetError.value} />
        <Skeleton rows={12} />
      </>
    );
  }
  const online = agents.filter((agent) => agent.online).length;
  const isWords = text.trim() !== "" && !isSelectorText(text);
  const isBySelector = !isWords && state === "";
  // Many IDs make a long address, so all that a selector finds are named by the selector.
  const isAll =
    isBySelector &&
    selected.size > idsMax &&
    selected.size === found.length &&
    found.every(({ agent_id }) => selected.has(agent_id));
  const all = [...selectors, ...(isSelectorText(text) ? [text] : [])];
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Agents</h1>
        <p class="quiet" role="status">
          {`${counted(agents.length, "agent")}, ${online} online, ${found.length} shown`}
        </p>
        {may("jobs.create") && all.length > 0 && isBySelector && (
          <a class="button" href={href(["run"], { selector: joinSelectors(all) })}>
            {`Run on ${found.length}`}
          </a>
        )}
      </div>
      <Problem text={fleetError.value || error} />
      <div class="filters">
        <input
          type="search"
          aria-label="Search agents"
          placeholder="Name, label, or selector: env=prod,role in (web,api)"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setQuery({ q: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || !isSelectorText(text) || error !== "") return;
            setQuery({ q: "", selector: joinSelectors([...selectors, text]) });
          }}
        />
        <AddFilter agents={agents} saved={saved} onAdd={(chip) => setChips([...selectors, chip])} />
        <States agents={agents} state={state} />
        <ColumnChoice columns={agentColumns} />
        {selectors.map((chip) => (
          <button
            key={chip}
            type="button"
            class="chip"
            aria-label={`Remove the filter ${chip}`}
            onClick={() => setChips(selectors.filter((each) => each !== chip))}
          >
            {visible(chip)} <span aria-hidden="true">×</span>
          </button>
        ))}
      </div>
      {selected.size > 0 && (
        <AgentActions
          ids={[...selected]}
          target={isAll ? runQuery(all) : { agents: [...selected].join(",") }}
          onDone={() => setSelected(new Set())}
        />
      )}
      {rows.length === 0 ? (
        <NothingFound isEmpty={agents.length === 0} />
      ) : (
        <Table
          label="Agents"
          columns={chosenColumns(agentColumns)}
          rows={rows}
          keyOf={({ agent_id }) => agent_id}
          sort={sort}
          onSort={({ id, isDown }) => setQuery({ sort: id, down: isDown ? "1" : "" })}
          {...(may("jobs.create")
            ? { selected, onSelect: (keys, isOn) => setSelected(change(selected, keys, isOn)) }
            : {})}
        />
      )}
    </>
  );
}

function runQuery(selectors: readonly string[]): Record<string, string> {
  return selectors.length === 0 ? { all: "1" } : { selector: joinSelectors(selectors) };
}

function change(selected: ReadonlySet<string>, keys: readonly string[], isOn: boolean) {
  const next = new Set(selected);
  for (const key of keys) {
    if (isOn) next.add(key);
    else next.delete(key);
  }
  return next;
}

function States({ agents, state }: { agents: readonly AgentView[]; state: string }) {
  const counted = agentStates.map((name) => ({
    name,
    count: agents.filter((agent) => hasState(agent, name)).length,
  }));
  const shown = counted.filter(({ name, count }) => count > 0 || name === state);
  return (
    <fieldset class="toggles">
      <legend class="hidden">State</legend>
      {shown.map(({ name, count }) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === state}
          onClick={() => setQuery({ state: name === state ? "" : name })}
        >
          {name} <span class="quiet">{count}</span>
        </button>
      ))}
    </fieldset>
  );
}

const valuesMax = 300;

/** The selectors of saved targets, by name. */
function useSavedTargets(): SavedTargets {
  const { data } = useLive(
    "saved targets",
    (signal) => get<Page<SavedTargetView>>("api/v1/saved-targets", signal),
    { everyMs: 15_000 },
  );
  return useMemo(() => new Map(data?.items.map(({ name, selector }) => [name, selector])), [data]);
}

/** Labels and facts of the fleet, to filter by. */
function AddFilter({
  agents,
  saved,
  onAdd,
}: {
  agents: readonly AgentView[];
  saved: SavedTargets;
  onAdd: (chip: string) => void;
}) {
  const values = useMemo(() => {
    const pairs = agents.flatMap(({ labels = {}, version, os, arch }) => [
      ...Object.entries(labels),
      ...Object.entries({ version, os, arch }).filter(([, value]) => value !== undefined),
    ]);
    const texts = countValues(pairs.map((pair) => pair.join("=")));
    return texts.filter(([text]) => chipsOf(text)[0] === text).slice(0, valuesMax);
  }, [agents]);
  const groups = Map.groupBy(values, ([text]) => text.split("=")[0] ?? "");
  return (
    <select
      aria-label="Add a filter"
      value=""
      onChange={(event) => {
        const { value } = event.currentTarget;
        event.currentTarget.value = "";
        if (value !== "") onAdd(value);
      }}
    >
      <option value="">Add filter</option>
      {saved.size > 0 && (
        <optgroup label="Saved targets">
          {[...saved.keys()].map((name) => (
            <option key={name} value={`@${name}`}>
              {`@${name}`}
            </option>
          ))}
        </optgroup>
      )}
      {[...groups].map(([name, items]) => (
        <optgroup key={name} label={visible(name)}>
          {items.map(([text, count]) => (
            <option key={text} value={text}>
              {visible(`${text} (${count})`)}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}

function NothingFound({ isEmpty }: { isEmpty: boolean }) {
  if (!isEmpty) {
    return (
      <Empty title="No agent matches">
        <button type="button" onClick={() => setQuery({ q: "", selector: "", state: "" })}>
          Clear the filters
        </button>
      </Empty>
    );
  }
  return (
    <Empty title="No agent has connected yet">
      <p>
        Run <code>wsctl agent</code> on this host, or create a join string for another one with{" "}
        <code>wsctl tokens create --role join</code>.
      </p>
    </Empty>
  );
}
