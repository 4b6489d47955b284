/** A configuration of nats-server for a cluster of control planes. */
import { logSubject, streamName } from "./jetStreamAccess.ts";

export interface NatsConfigOptions {
  /** The name of the cluster of control planes. */
  cluster: string;
  /** The host of this server, and those of the others. */
  host: string;
  peers: readonly string[];
}

/** Only what a node needs: its stream and its two buckets. */
function natsPermissions(cluster: string): string[] {
  const buckets = [`wsctl_${cluster}`, `wsctl_${cluster}_live`];
  const streams = [streamName(cluster), ...buckets.map((bucket) => `KV_${bucket}`)];
  return [
    logSubject(cluster),
    ...buckets.map((bucket) => `$KV.${bucket}.>`),
    "$JS.API.INFO",
    ...streams.flatMap((stream) => [
      ...["CREATE", "UPDATE", "INFO", "PURGE", "MSG.GET"].map(
        (call) => `$JS.API.STREAM.${call}.${stream}`,
      ),
      `$JS.API.CONSUMER.*.${stream}`,
      `$JS.API.CONSUMER.*.${stream}.>`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
      `$JS.API.DIRECT.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}.>`,
      `$JS.FC.${stream}.>`,
      `$JS.ACK.${stream}.>`,
    ]),
  ];
}

export function natsConfig({ cluster, host, peers }: NatsConfigOptions): string {
  const routes = peers.map((peer) => `    nats://${peer}:6222`);
  const allowed = natsPermissions(cluster).map((subject) => `          "${subject}"`);
  return `# nats-server.conf of ${host}, for the wsctl cluster "${cluster}"
server_name: ${host.replaceAll(".", "_")}
listen: 0.0.0.0:4222

jetstream {
  store_dir: /var/lib/nats
  # Servers that know this setting write to the disk before they acknowledge:
  # sync_interval: always
}
${
  peers.length === 0
    ? ""
    : `
# Who reaches the port 6222 can read and change all streams. Open it for the other servers alone,
# or add a tls block with "verify: true" here.
cluster {
  name: nats-${cluster}
  listen: 0.0.0.0:6222
  routes: [
${routes.join("\n")}
  ]
}
`
}
# Encrypt the connections of clients. The nodes take the CA with --cluster-ca.
# tls {
#   cert_file: /etc/nats/server.pem
#   key_file: /etc/nats/server-key.pem
# }

authorization {
  users: [
    {
      user: wsctl
      # The environment of nats-server has the password.
      password: $WSCTL_NATS_PASSWORD
      permissions: {
        publish: [
${allowed.join("\n")}
        ]
        subscribe: ["_INBOX.>"]
      }
    }
  ]
}
`;
}
