import { mainJobSuite } from "./mainJob.ts";

mainJobSuite("bun", "bun");
