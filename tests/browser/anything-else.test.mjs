import { owner } from "./lib/anything.mjs";
import { test } from "./lib/test.mjs";

test("somebody else clicks and types at random", t => owner(t, 3, 850));
