/** What a node is made of besides its decisions. The simulator has other parts. */
import type { Control, ControlOptions } from "../control/start.ts";
import type { CopyFiles, ReplicaOptions } from "./copy/copyFiles.ts";
import type { FollowerServer } from "./forward/followerServer.ts";

export interface NodeParts {
  openServer(
    options: ControlOptions,
    forward: Parameters<typeof FollowerServer.open>[1],
  ): Promise<NodeServer>;
  copyFiles(options: ReplicaOptions): CopyFiles;
  startControl(options: ControlOptions): Promise<Control>;
}

export type NodeServer = Pick<
  FollowerServer,
  | "agentCount"
  | "port"
  | "localUrl"
  | "publicUrl"
  | "nodeAddress"
  | "writeLocalFile"
  | "drain"
  | "close"
>;
