import { mainJobSuite } from "./mainJob.ts";

mainJobSuite("binary", "binary");
