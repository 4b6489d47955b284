import { artifactsSuite } from "./artifactsSuite.ts";
import { artifactsUploadSuite } from "./artifactsUploadSuite.ts";

artifactsSuite("binary");
artifactsUploadSuite("binary");
