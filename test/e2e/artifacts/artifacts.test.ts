import { setDefaultTimeout } from "bun:test";
import { artifactsSuite } from "./artifactsSuite.ts";
import { artifactsUploadSuite } from "./artifactsUploadSuite.ts";

setDefaultTimeout(60_000);
artifactsSuite("binary");
artifactsUploadSuite("binary");
