import { defineCommand } from "citty";

/** Commands that only wsctl itself calls: the agent, its supervisor and the completion scripts. */
export default defineCommand({
  meta: { name: "internal", hidden: true, description: "Commands that wsctl itself calls" },
  subCommands: {
    collect: () => import("./internal/collect.ts").then((module) => module.default),
    complete: () => import("./internal/complete.ts").then((module) => module.default),
    "fetch-files": () => import("./internal/fetchFiles.ts").then((module) => module.default),
    "offer-files": () => import("./internal/offerFiles.ts").then((module) => module.default),
    "receive-files": () => import("./internal/receiveFiles.ts").then((module) => module.default),
    stage: () => import("./internal/stage.ts").then((module) => module.default),
    "store-artifacts": () =>
      import("./internal/storeArtifacts.ts").then((module) => module.default),
    supervise: () => import("./internal/supervise.ts").then((module) => module.default),
  },
});
