/** Files in the object storage. */
import type { ArtifactView } from "../../../../protocol/api/artifacts.ts";
import type { Page } from "../../../../protocol/api/views.ts";
import { Download } from "../lists/outcomes.tsx";
import { type Column, Table } from "../lists/table.tsx";
import { timeColumns } from "../lists/timeColumns.tsx";
import { Badge, Empty, Problem, Skeleton } from "../parts/badge.tsx";
import { act } from "../parts/confirm.tsx";
import { ask } from "../parts/dialog.tsx";
import { get } from "../state/api.ts";
import { bytes, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";
import { may } from "../state/session.ts";

export function ArtifactsPage() {
  const { data, error, refresh } = useLive(
    "artifacts",
    (signal) => get<Page<ArtifactView>>("api/v1/artifacts?limit=500", signal),
    { everyMs: 10_000 },
  );
  const remove = async ({ artifact_id: id, name }: ArtifactView) => {
    const title = "Delete this artifact?";
    const text = `${name} cannot be downloaded any more.`;
    if (!(await ask({ title, text, action: "Delete", isDangerous: true }))) return;
    const path = `api/v1/artifacts/${encodeURIComponent(id)}`;
    await act({ method: "DELETE", path, done: `Deleted ${name}` });
    refresh();
  };
  return (
    <>
      <h1 tabIndex={-1}>Artifacts</h1>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data?.items.length === 0 && (
        <Empty title="No artifacts yet">
          <p>
            Results that are too large for a message become artifacts: try{" "}
            <code>wsctl send fetch_logs --all --param source=NAME</code>
          </p>
        </Empty>
      )}
      {data !== undefined && data.items.length > 0 && (
        <Table
          label="Artifacts"
          columns={[...columns, actionColumn(remove)]}
          rows={data.items}
          keyOf={({ artifact_id }) => artifact_id}
          rowHeight={44}
        />
      )}
    </>
  );
}

const columns: readonly Column<ArtifactView>[] = [
  {
    id: "name",
    label: "Name",
    width: "minmax(9rem, 2fr)",
    render: ({ name, artifact_id: id }) => <strong title={id}>{visible(name)}</strong>,
  },
  { id: "size", label: "Size", width: "5rem", render: (each) => bytes(each.bytes) },
  {
    id: "state",
    label: "State",
    width: "8rem",
    isWide: true,
    render: ({ state }) => <Badge text={state} tone={state === "ready" ? "good" : "wait"} />,
  },
  {
    id: "agent",
    label: "Agent",
    width: "minmax(7rem, 1fr)",
    isWide: true,
    render: ({ agent_id, kind }) => visible(agent_id ?? kind),
  },
  ...timeColumns<ArtifactView>(),
];

function actionColumn(remove: (artifact: ArtifactView) => void): Column<ArtifactView> {
  return {
    id: "actions",
    label: "Actions",
    width: "12rem",
    render: (artifact) => (
      <span class="buttons">
        {may("artifacts.read") && artifact.state === "ready" && (
          <Download id={artifact.artifact_id} text="Download" />
        )}
        {may("artifacts.delete") && (
          <button type="button" class="danger" onClick={() => remove(artifact)}>
            Delete
          </button>
        )}
      </span>
    ),
  };
}
