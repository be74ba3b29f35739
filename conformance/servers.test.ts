/** Our own servers, and the peers where they can be built, pass every case except the known ones of targets.json. */
import { expect, test } from "bun:test";
import { OUR_TARGETS, readTargets } from "../targets/file.ts";
import { deviates } from "./case.ts";
import { choose, conform, suites } from "./index.ts";
import { declared } from "./matrix.ts";

const targets = readTargets(OUR_TARGETS);

for (const entry of targets) {
  const { name, server } = entry;
  if (server)
    test.concurrent(`${name} passes every case except the known deviations`, async () => {
      // One at a time: the machine that measures a fan-out of megabytes twice measures neither.
      const settings = declared(entry);
      const { results } = await conform({ server, ...settings, workers: 3 });
      const wrong = results.filter(deviates);
      expect(wrong.filter((result) => !result.known).map(({ id, actual }) => `${id}: ${actual}`)).toEqual([]);
      expect(results.length).toBe(choose(settings.choice).flatMap(({ cases }) => cases).length);
    }, 120_000);
}

test("an id is a protocol, a section and a number, and is unique", () => {
  const ids = suites.flatMap(({ cases }) => cases.map(({ id }) => id));
  expect(ids.filter((id) => !/^[a-z0-9-]+\/\d+\.\d+$/.test(id))).toEqual([]);
  expect(ids.length).toBe(new Set(ids).size);
});

test("a requirement states its level", () => {
  const cases = suites.flatMap(({ cases }) => cases).filter(({ level }) => level !== "FACT");
  expect(cases.filter(({ level, requirement }) => !requirement.includes(level)).map(({ id }) => id)).toEqual(
    [],
  );
});
