/** Tokens: create one, whose secret is shown once, and revoke them. */
import { useState } from "preact/hooks";
import type { NewToken, TokenView } from "../../../../protocol/api/tokens.ts";
import type { Page } from "../../../../protocol/api/views.ts";
import { TokenForm } from "../forms/tokenForm.tsx";
import { type Column, Table } from "../lists/table.tsx";
import { timeColumns } from "../lists/timeColumns.tsx";
import { Badge, Problem, Skeleton } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { ask, Dialog } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { type Tone, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { route, setQuery } from "../state/router.ts";
import { may } from "../state/session.ts";

export function TokensPage() {
  const [isCreating, setCreating] = useState(false);
  const [made, setMade] = useState<NewToken>();
  const isAll = route.value.query.get("all") === "1";
  const { data, error, refresh } = useLive(
    "tokens",
    (signal) => get<Page<TokenView>>("api/v1/tokens", signal),
    { everyMs: 10_000 },
  );
  const items = data?.items.filter(({ state }) => isAll || state !== "revoked") ?? [];
  const revoke = async ({ token_id: id, agent_id: agent, role }: TokenView) => {
    const title = "Revoke this token?";
    const whose = agent === undefined ? role : `agent ${agent}`;
    const text = `Token ${id} (${whose}) stops working at once, on open connections too.`;
    if (!(await ask({ title, text, action: "Revoke", isDangerous: true }))) return;
    const path = `api/v1/tokens/${encodeURIComponent(id)}`;
    await act({ method: "DELETE", path, done: `Revoked ${id}` });
    refresh();
  };
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Tokens</h1>
        <label>
          <input
            type="checkbox"
            checked={isAll}
            onChange={() => setQuery({ all: isAll ? "" : "1" })}
          />{" "}
          Show revoked tokens
        </label>
        {may("tokens.manage") && (
          <span class="buttons">
            <button type="button" class="primary" onClick={() => setCreating(true)}>
              Create a token
            </button>
          </span>
        )}
      </div>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data !== undefined && (
        <Table
          label="Tokens"
          columns={[...columns, ...(may("tokens.manage") ? [actionColumn(revoke)] : [])]}
          rows={items}
          keyOf={({ token_id }) => token_id}
          rowHeight={44}
        />
      )}
      {isCreating && (
        <Dialog title="Create a token" onClose={() => setCreating(false)}>
          <h2>Create a token</h2>
          <TokenForm
            onCancel={() => setCreating(false)}
            onMade={(token) => {
              setCreating(false);
              setMade(token);
              refresh();
            }}
          />
        </Dialog>
      )}
      {made !== undefined && <Secret made={made} onClose={() => setMade(undefined)} />}
    </>
  );
}

/** The only time that the secret is shown. */
function Secret({ made, onClose }: { made: NewToken; onClose: () => void }) {
  return (
    <Dialog title="The new token" onClose={onClose}>
      <h2>The new token</h2>
      <p>It is shown only now. Copy it to where it is needed.</p>
      {made.login === undefined ? (
        <CopyLine text={made.token} />
      ) : (
        <>
          <CopyLine text={made.login} />
          <p>
            Your colleague pastes it into the login of the console, or into{" "}
            <code>wsctl login -</code>, within an hour.
          </p>
        </>
      )}
      {made.join !== undefined && (
        <>
          <p>Run this on the host of the new agent:</p>
          <CopyLine text={`wsctl agent --join ${made.join}`} />
        </>
      )}
      <p class="buttons">
        <button type="button" class="primary" onClick={onClose}>
          Done
        </button>
      </p>
    </Dialog>
  );
}

const tones: Partial<Record<TokenView["state"], Tone>> = {
  active: "good",
  pending: "wait",
  fenced: "bad",
};

const columns: readonly Column<TokenView>[] = [
  {
    id: "token",
    label: "Token",
    width: "minmax(8rem, 1fr)",
    render: ({ token_id }) => <code>{visible(token_id)}</code>,
  },
  {
    id: "role",
    label: "Role",
    width: "minmax(6rem, 1fr)",
    render: ({ role, agent_id }) => visible(agent_id === undefined ? role : `${role} ${agent_id}`),
  },
  {
    id: "name",
    label: "Name",
    width: "minmax(6rem, 1fr)",
    isWide: true,
    render: ({ name }) => visible(name ?? ""),
  },
  {
    id: "state",
    label: "State",
    width: "5.5rem",
    isWide: true,
    render: ({ state }) => <Badge text={state} tone={tones[state] ?? "off"} />,
  },
  {
    id: "limits",
    label: "Limits",
    width: "minmax(5rem, 2fr)",
    isWide: true,
    render: ({ commands, target, addresses, uses_left: uses }) => {
      const parts = [commands?.join(","), target, addresses?.join(",")].filter(Boolean);
      if (uses !== undefined) parts.push(`${uses} uses left`);
      return visible(parts.join(" · "));
    },
  },
  ...timeColumns<TokenView>(),
];

function actionColumn(revoke: (token: TokenView) => void): Column<TokenView> {
  return {
    id: "actions",
    label: "Actions",
    width: "6rem",
    render: (token) =>
      token.state === "revoked" ? (
        ""
      ) : (
        <button type="button" class="danger" onClick={() => revoke(token)}>
          Revoke
        </button>
      ),
  };
}
