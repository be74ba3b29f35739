import { expect, test } from "bun:test";
import { readBaseline, storedOutcomes } from "./aa.ts";

test("by stored rounds of real servers, equal ones are hardly ever told apart, and slower ones are found", async () => {
  const found = storedOutcomes(await readBaseline(), 100, 1);
  expect(found.filter(({ kept }) => !kept)).toEqual([]);
});
