/** A process that uploads one file, and says how much memory that took: `URL TOKEN PATH NAME`. */
import process from "node:process";
import { loadRuntime } from "../../../lib/runtime/load.ts";
import { uploadFile } from "../../../lib/transfer/upload.ts";
import { peakBytes } from "./memory.ts";

const [url = "", token = "", path = "", name = ""] = process.argv.slice(2);
const { fetchWith } = await loadRuntime();
const controlPlane = { url, token, fetch: fetchWith({}) };
const artifact = await uploadFile({ controlPlane, path, request: { name } });
process.stdout.write(
  `${JSON.stringify({ id: artifact.artifact_id, state: artifact.state, peakBytes: peakBytes("self") })}\n`,
);
process.exit(0);
