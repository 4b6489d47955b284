/**
 * Builds systemd units. The control plane needs only a directory and a port, and its unit permits
 * nothing else. The agent runs programs of the operator, which inherit what its unit restricts, so
 * its unit restricts nothing.
 */
export type Service = "serve" | "agent";

export const services: string[] = ["serve", "agent"];

/** One argument of a unit. */
export interface ServiceArgument {
  /** The name of a flag that takes a file. */
  fileFlag?: string;
  /** The argument, or the absolute path of the file. */
  text: string;
}

export interface ServiceArguments {
  list: ServiceArgument[];
  /** The port that a control plane listens on. */
  port?: number;
}

export interface UnitOptions {
  service: Service;
  /** The absolute path of the binary. */
  program: string;
  /** The arguments after the command's name. */
  flags: ServiceArguments;
}

export function unitName(service: Service): string {
  return `wsctl-${service}.service`;
}

/** A port below this one needs a capability. */
const freePortMin = 1024;
/** A service that ends with this status, because of its flags, would end with it again. */
const usageStatus = 2;

export function formatUnit({ service, program, flags }: UnitOptions): string {
  const isServe = service === "serve";
  const words = flags.list.map(({ fileFlag, text }) =>
    isServe && fileFlag !== undefined ? `\${CREDENTIALS_DIRECTORY}/${fileFlag}` : quoted(text),
  );
  const start = [quoted(program), service, ...words].join(" ");
  return `${[
    "[Unit]",
    `Description=wsctl ${isServe ? "control plane" : "agent"}`,
    "After=network-online.target",
    "Wants=network-online.target",
    // A control plane whose disk is full for a while must come back, however often it ended.
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${start}`,
    "Restart=always",
    "RestartSec=1",
    `RestartPreventExitStatus=${usageStatus}`,
    "WorkingDirectory=/",
    // Variables that could load code or print secrets are removed.
    "UnsetEnvironment=BUN_OPTIONS BUN_INSPECT NODE_OPTIONS BUN_BE_BUN BUN_CONFIG_VERBOSE_FETCH",
    ...(isServe ? settingsForServe(flags) : forAgent),
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ].join("\n")}\n`;
}

function settingsForServe({ list, port = freePortMin }: ServiceArguments): string[] {
  const files = list.filter(({ fileFlag }) => fileFlag !== undefined);
  return [
    ...forServe,
    // The service's user cannot read the files of root; systemd hands it copies.
    ...files.map(
      ({ fileFlag, text }) => `LoadCredential=${fileFlag}:${text.replaceAll("%", "%%")}`,
    ),
    ...(port > 0 && port < freePortMin ? forLowPort : forFreePort),
  ];
}

/** The capability counts only outside of a user namespace. */
const forLowPort = [
  "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
  "AmbientCapabilities=CAP_NET_BIND_SERVICE",
];
const forFreePort = ["CapabilityBoundingSet=", "AmbientCapabilities=", "PrivateUsers=yes"];

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
  "UMask=0077",
  "LimitNOFILE=131072",
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
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
];
