/**
 * Builds systemd units. The control plane needs only a directory and a port, and its unit permits
 * nothing else. The agent runs programs of the operator, so its unit restricts only what no program
 * needs.
 */
export type Service = "serve" | "agent";

export const services: string[] = ["serve", "agent"];

export interface UnitOptions {
  service: Service;
  /** The absolute path of the binary. */
  program: string;
  /** The arguments after the command's name. */
  flags: readonly string[];
}

export function unitName(service: Service): string {
  return `wsctl-${service}.service`;
}

export function formatUnit({ service, program, flags }: UnitOptions): string {
  const start = [program, service, ...flags].map(quoted).join(" ");
  const settings = service === "serve" ? forServe : forAgent;
  return `${[
    "[Unit]",
    `Description=wsctl ${service === "serve" ? "control plane" : "agent"}`,
    "After=network-online.target",
    "Wants=network-online.target",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${start}`,
    "Restart=always",
    "RestartSec=1",
    "WorkingDirectory=/",
    "UMask=0077",
    "LimitNOFILE=131072",
    // Variables that could load code or print secrets are removed.
    "UnsetEnvironment=BUN_OPTIONS BUN_INSPECT NODE_OPTIONS BUN_BE_BUN BUN_CONFIG_VERBOSE_FETCH",
    ...settings,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ].join("\n")}\n`;
}

/** Quotes one word for systemd. */
function quoted(word: string): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[\w@+=:,./%$-]+$/.test(plain)) return plain;
  return `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

const forServe = [
  "TimeoutStopSec=20",
  "DynamicUser=yes",
  "StateDirectory=wsctl",
  "StateDirectoryMode=0700",
  "Environment=WSCTL_DATA_DIR=%S/wsctl",
  "CapabilityBoundingSet=",
  "AmbientCapabilities=",
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "PrivateUsers=yes",
  "PrivateIPC=yes",
  "ProtectHostname=yes",
  "ProtectClock=yes",
  "ProtectKernelTunables=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelLogs=yes",
  "ProtectControlGroups=yes",
  "ProtectProc=invisible",
  "ProcSubset=pid",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "RemoveIPC=yes",
  "LockPersonality=yes",
  "SystemCallArchitectures=native",
  "SystemCallFilter=@system-service",
  "SystemCallFilter=~@privileged @resources @mount @swap @reboot @obsolete",
  "SystemCallErrorNumber=EPERM",
  "KeyringMode=private",
];

/** A separate directory, because a control plane on the same host runs as another user. */
const forAgent = [
  "TimeoutStopSec=20",
  "StateDirectory=wsctl-agent",
  "StateDirectoryMode=0700",
  "Environment=WSCTL_DATA_DIR=%S/wsctl-agent",
  // Programs outlive the agent, so systemd must not stop them with it.
  "KillMode=process",
  "ProtectClock=yes",
  "LockPersonality=yes",
  "RestrictRealtime=yes",
  "SystemCallArchitectures=native",
];
