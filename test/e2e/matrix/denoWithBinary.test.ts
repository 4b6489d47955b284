import { mainJobSuite } from "./mainJob.ts";

mainJobSuite("deno", "binary");
