import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { Failure } from "../../platform/failure.ts";
import { readEnvironment } from "../run/environment.ts";
import { newRecordId, type RunRecord, readRecord, writeRecord } from "./record.ts";

const folder = mkdtempSync(`${tmpdir()}/sockbench-record-`);
afterAll(() => rmSync(folder, { recursive: true }));

async function emptyRecord(): Promise<RunRecord> {
  const at = new Date();
  return {
    schema: "sockbench/1",
    id: newRecordId(at),
    startedAt: at.toISOString(),
    finishedAt: at.toISOString(),
    partial: null,
    command: ["bench"],
    environment: await readEnvironment(1, null),
    samples: [],
    warnings: [],
  };
}

test("a record that is written is read as it was", async () => {
  const record = await emptyRecord();
  const path = await writeRecord(record, folder);
  expect(await readRecord(path)).toEqual(record);
});

test.each([
  ["{", "not JSON"],
  ["[]", "not of schema sockbench/1"],
  ['{"schema":"sockbench/2"}', "schema"],
])("a broken record file %p is told in one line that names it", async (text, why) => {
  const path = `${folder}/broken.json`;
  await Bun.write(path, text);
  const error = await readRecord(path).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(Failure);
  const { message, exitCode } = error as Failure;
  expect(exitCode).toBe(2);
  expect(message).toStartWith(`record ${path}: `);
  expect(message).toContain(why);
  expect(message).not.toContain("\n");
});

test("a record file that is not there is told in one line", async () => {
  await expect(readRecord(`${folder}/none.json`)).rejects.toThrow("there is no such file");
});
