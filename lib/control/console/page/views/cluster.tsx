/** The cluster of control planes: who leads, how far the others are, and how safe the log is. */
import type { ClusterStatus } from "../../../../protocol/api/cluster.ts";
import { type Column, Table } from "../lists/table.tsx";
import { Badge, Empty, Facts, Problem, Skeleton, Time } from "../parts/badge.tsx";
import { CopyLine } from "../parts/copyLine.tsx";
import { get, Refused } from "../state/api.ts";
import { counted, visible } from "../state/format.ts";
import { useLive } from "../state/live.ts";

type ClusterNode = ClusterStatus["nodes"][number];

export function ClusterPage() {
  const { data, error } = useLive("cluster", readCluster);
  return (
    <>
      <h1 tabIndex={-1}>Cluster</h1>
      <Problem text={error} />
      {data === undefined && error === "" && <Skeleton />}
      {data === "none" && <NoCluster />}
      {data !== undefined && data !== "none" && <Status status={data} />}
    </>
  );
}

/** "none" if this control plane is not a node of a cluster. */
async function readCluster(signal: AbortSignal): Promise<ClusterStatus | "none"> {
  try {
    return await get<ClusterStatus>("api/v1/cluster", signal);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return "none";
    throw error;
  }
}

function NoCluster() {
  return (
    <Empty title="This control plane runs alone">
      <p>
        One is enough for many thousand hosts. Run several as one if it must survive the loss of a
        host: they share their log in NATS JetStream.
      </p>
      <p>
        Start each node with a name of its own, for a replicated log on three NATS servers or more:
      </p>
      <CopyLine text="wsctl serve --cluster nats://nats-1,nats://nats-2,nats://nats-3 --cluster-node one" />
      <p>
        <code>wsctl cluster import</code> takes the log of this control plane into the cluster.
      </p>
    </Empty>
  );
}

function Status({ status }: { status: ClusterStatus }) {
  const { cluster, leader, epoch, sequence, durability, nats, nodes } = status;
  const isSynced = durability === "replicated and synced";
  const behind = (node: ClusterNode) => Math.max(0, sequence - node.sequence);
  return (
    <>
      <Facts
        facts={[
          ["Cluster", cluster],
          ["Leader", `${leader} (epoch ${epoch})`],
          ["Log", counted(sequence, "entry", "entries")],
          [
            "Durability",
            <Badge key="durability" text={durability} tone={isSynced ? "good" : "wait"} />,
          ],
          [
            "NATS",
            `${counted(nats.replicas, "copy", "copies")}, version ${nats.version}, at ${nats.server}`,
          ],
        ]}
      />
      {!isSynced && (
        <p class="quiet">
          NATS has not written each entry to the disk: a power failure of all of its servers can
          lose the last ones.
        </p>
      )}
      <Table
        label="Nodes"
        columns={columns(behind)}
        rows={nodes}
        keyOf={({ node }) => node}
        rowHeight={40}
      />
    </>
  );
}

function columns(behind: (node: ClusterNode) => number): readonly Column<ClusterNode>[] {
  return [
    {
      id: "node",
      label: "Node",
      width: "minmax(6rem, 1fr)",
      render: ({ node }) => <strong>{visible(node)}</strong>,
    },
    {
      id: "role",
      label: "Role",
      width: "7rem",
      render: ({ role }) => <Badge text={role} tone={role === "leader" ? "good" : "off"} />,
    },
    { id: "behind", label: "Behind", width: "5rem", render: (each) => behind(each) },
    {
      id: "version",
      label: "Version",
      width: "6rem",
      isWide: true,
      render: ({ version }) => visible(version),
    },
    {
      id: "url",
      label: "URL",
      width: "minmax(10rem, 2fr)",
      isWide: true,
      render: ({ url }) => visible(url),
    },
    {
      id: "started",
      label: "Started",
      width: "8rem",
      isWide: true,
      render: ({ started_at: at }) => <Time at={at} />,
    },
  ];
}
