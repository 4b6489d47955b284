/** The table of commands. Each command is loaded when it is used. */
import { type CommandDef, defineCommand } from "citty";
import { version } from "../lib/protocol/wire/version.ts";

export const root: CommandDef = defineCommand({
  meta: { name: "wsctl", version, description: "Remote commands for fleets of hosts" },
  subCommands: {
    serve: () => import("./serve.ts").then((module) => module.default),
    service: () => import("./service.ts").then((module) => module.default),
    agent: () => import("./agent.ts").then((module) => module.default),
    send: () => import("./send.ts").then((module) => module.default),
    exec: () => import("./exec.ts").then((module) => module.default),
    run: () => import("./run.ts").then((module) => module.default),
    push: () => import("./push.ts").then((module) => module.default),
    pull: () => import("./pull.ts").then((module) => module.default),
    agents: () => import("./agents.ts").then((module) => module.default),
    jobs: () => import("./jobs.ts").then((module) => module.default),
    watch: () => import("./watch.ts").then((module) => module.default),
    templates: () => import("./templates.ts").then((module) => module.default),
    targets: () => import("./targets.ts").then((module) => module.default),
    schedules: () => import("./schedules.ts").then((module) => module.default),
    keys: () => import("./keys.ts").then((module) => module.default),
    artifacts: () => import("./artifacts.ts").then((module) => module.default),
    audit: () => import("./audit.ts").then((module) => module.default),
    backup: () => import("./backup.ts").then((module) => module.default),
    restore: () => import("./restore.ts").then((module) => module.default),
    log: () => import("./log.ts").then((module) => module.default),
    tokens: () => import("./tokens.ts").then((module) => module.default),
    login: () => import("./login.ts").then((module) => module.default),
    context: () => import("./context.ts").then((module) => module.default),
    commands: () => import("./commands.ts").then((module) => module.default),
    release: () => import("./release.ts").then((module) => module.default),
    doctor: () => import("./doctor.ts").then((module) => module.default),
    bench: () => import("./bench.ts").then((module) => module.default),
    completion: () => import("./completion.ts").then((module) => module.default),
    version: () => import("./version.ts").then((module) => module.default),
    internal: () => import("./internal.ts").then((module) => module.default),
  },
}) as CommandDef;
