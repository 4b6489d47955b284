import { mainJobSuite } from "./mainJob.ts";

mainJobSuite("binary", "deno");
