import { mainJobSuite } from "./mainJob.ts";

mainJobSuite("binary", "bun");
