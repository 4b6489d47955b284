/**
 * Units for systemd. The control plane needs nothing of its host but a directory and a port, and
 * gets nothing else. The agent is there to run the operator's programs: it is fenced in only where
 * no program could miss it.
 */
export type Service = "serve" | "agent";

export const services: string[] = ["serve", "agent"];

export interface UnitOptions {
  service: Service;
  /** The binary, as an absolute path. */
  program: string;
  /** Flags behind the command's name, each as one word. */
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
    // Whatever could load code into it, or print its secrets, stays outside.
    "UnsetEnvironment=BUN_OPTIONS BUN_INSPECT NODE_OPTIONS BUN_BE_BUN BUN_CONFIG_VERBOSE_FETCH",
    ...settings,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ].join("\n")}\n`;
}

/** One word for systemd, whatever is in it. */
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

/** A directory of its own: that of a control plane on the same host belongs to another user. */
const forAgent = [
  "TimeoutStopSec=20",
  "StateDirectory=wsctl-agent",
  "StateDirectoryMode=0700",
  "Environment=WSCTL_DATA_DIR=%S/wsctl-agent",
  // Programs outlive the agent: systemd must not end them with it.
  "KillMode=process",
  "ProtectClock=yes",
  "LockPersonality=yes",
  "RestrictRealtime=yes",
  "SystemCallArchitectures=native",
];
