import { mainJobSuite } from "./mainJob.ts";

mainJobSuite("deno", "deno");
