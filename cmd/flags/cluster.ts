/** The flags of `wsctl serve` for a cluster. */
import { hostname } from "node:os";
import type { NatsSettings } from "../../lib/cluster/nats/threadMessages.ts";
import { usage } from "../cli/strictArgs.ts";
import { readTrustedFile } from "./connection.ts";
import { wholeNumber } from "./values.ts";

export const natsArgs = {
  cluster: {
    type: "string",
    valueHint: "URLS",
    description: "be a node of a cluster on these NATS servers: nats://HOST[:PORT],…",
  },
  "cluster-name": {
    type: "string",
    default: "wsctl",
    valueHint: "NAME",
    description: "name of the cluster, if several share the NATS servers",
  },
  "cluster-node": {
    type: "string",
    valueHint: "NAME",
    description: "name of this node, by default the host name",
  },
  "cluster-credentials": {
    type: "string",
    valueHint: "FILE",
    description: "credentials file of NATS (.creds)",
  },
  "cluster-ca": {
    type: "string",
    valueHint: "FILE",
    description: "file with the CA of the NATS servers (PEM)",
  },
  "cluster-replicas": {
    type: "string",
    valueHint: "N",
    description: "NATS servers that store the log: 1, 3 or 5 (by default 3 in a NATS cluster)",
  },
} as const;

export const clusterArgs = {
  ...natsArgs,
  "cluster-accept-unsynced": {
    type: "boolean",
    description: "accept that NATS acknowledges entries before they are synced to its disks",
  },
} as const;

export interface NatsFlags {
  cluster?: string | undefined;
  "cluster-name"?: string | undefined;
  "cluster-node"?: string | undefined;
  "cluster-credentials"?: string | undefined;
  "cluster-ca"?: string | undefined;
  "cluster-replicas"?: string | undefined;
}

export interface ClusterFlags extends NatsFlags {
  "cluster-accept-unsynced"?: boolean | undefined;
}

const portDefault = 4222;
const namePattern = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Returns undefined without `--cluster`.
 *
 * @throws {WsctlError} USAGE with the flag
 */
export function parseCluster(flags: ClusterFlags): NatsSettings | undefined {
  if (flags.cluster === undefined) return undefined;
  const settings = parseNats(flags.cluster, flags);
  if (flags["cluster-accept-unsynced"] === true) return settings;
  throw usage(
    "Flag --cluster needs --cluster-accept-unsynced: NATS acknowledges an entry when most of its servers have it, before it is on their disks. If most of them crash at once, the last entries may be lost",
  );
}

/** @throws {WsctlError} USAGE with the flag */
export function parseNats(text: string, flags: NatsFlags): NatsSettings {
  const urls = text.split(",").map((each) => parseServer(each.trim()));
  const [{ username, password }] = urls as [URL];
  const { "cluster-credentials": credentials, "cluster-ca": ca } = flags;
  const replicas = flags["cluster-replicas"];
  return {
    servers: urls.map((url) => `${url.protocol}//${url.hostname}:${url.port || portDefault}`),
    ...(username === "" ? {} : { user: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
    ...(credentials === undefined
      ? {}
      : { credentials: readTrustedFile("Flag --cluster-credentials", credentials) }),
    ...(ca === undefined ? {} : { ca: readTrustedFile("Flag --cluster-ca", ca) }),
    cluster: parseName("cluster-name", flags["cluster-name"] ?? "wsctl"),
    node: parseName("cluster-node", flags["cluster-node"] ?? hostname().replaceAll(".", "_")),
    ...(replicas === undefined
      ? {}
      : { replicas: wholeNumber("cluster-replicas", replicas, 1, 5) }),
  };
}

function parseServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.pathname.length <= 1 && url.hostname !== "";
  if (isPlain && (url.protocol === "nats:" || url.protocol === "tls:")) return url;
  throw usage(
    `Flag --cluster is "${text}": expected addresses of NATS servers such as nats://nats-1:4222,nats://nats-2:4222`,
  );
}

function parseName(flag: string, text: string): string {
  if (namePattern.test(text)) return text;
  throw usage(
    `Flag --${flag} is "${text}": expected 1 to 64 letters, digits, hyphens and underscores`,
  );
}
