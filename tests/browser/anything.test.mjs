import { owner, stranger } from "./lib/anything.mjs";
import { test } from "./lib/test.mjs";

test("somebody clicks and types at random", t => owner(t, 2, 850));
test("a stranger clicks and types at random", t => stranger(t, 1, 300));
