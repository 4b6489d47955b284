import { mainJobSuite } from "./mainJob.ts";

mainJobSuite("deno", "bun");
