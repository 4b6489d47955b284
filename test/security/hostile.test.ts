import { flavours } from "../support/processes/processes.ts";
import { hostileAnswersSuite } from "./hostileAnswers.ts";
import { hostileApiSuite } from "./hostileApi.ts";
import { hostileFramesSuite } from "./hostileFrames.ts";
import { hostileHandshakeSuite } from "./hostileHandshake.ts";
import { hostileLoadSuite } from "./hostileLoad.ts";
import { hostileMessagesSuite } from "./hostileMessages.ts";

for (const flavour of flavours) {
  hostileHandshakeSuite(flavour);
  hostileFramesSuite(flavour);
  hostileMessagesSuite(flavour);
  hostileAnswersSuite(flavour);
  hostileLoadSuite(flavour);
  hostileApiSuite(flavour);
}
