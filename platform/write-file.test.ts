import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodes, Failure } from "./failure.ts";
import { checkFolder, checkWritable, writeWhole } from "./write-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "write-file-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function failureOf(write: () => void): Failure | undefined {
  try {
    write();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  return undefined;
}

test("a file is written whole, and nothing else is left beside it", () => {
  const path = join(folder, "report.xml");
  checkWritable("--junit", path);
  expect(readdirSync(folder)).toEqual([]);
  writeWhole(path, "first");
  writeWhole(path, "second");
  expect(readdirSync(folder)).toEqual(["report.xml"]);
  expect(readFileSync(path, "utf8")).toBe("second");
});

test("a symbolic link stays one", () => {
  writeFileSync(join(folder, "there"), "");
  symlinkSync("there", join(folder, "link"));
  writeWhole(join(folder, "link"), "text");
  expect(readFileSync(join(folder, "there"), "utf8")).toBe("text");
});

test("what is no regular file is written as it is", () => {
  checkWritable("--junit", "/dev/null");
  writeWhole("/dev/null", "text");
});

test.each([
  ["in no folder", "none/report.xml", "no such folder"],
  ["a folder", ".", "it is a folder"],
  ["under a file", "file/report.xml", "a part of its path is not a folder"],
])("%s: a usage error that names flag and path", (_, name, why) => {
  writeFileSync(join(folder, "file"), "");
  const path = join(folder, name);
  const failure = failureOf(() => checkWritable("--junit", path));
  expect(failure?.exitCode).toBe(exitCodes.usage);
  expect(failure?.message).toBe(`--junit ${path} cannot be written: ${why}`);
  expect(failureOf(() => writeWhole(path, "x"))?.message).toBe(`${path} cannot be written: ${why}`);
});

// The device that is always full (full(4)).
test("a full disk is told in words", () => {
  expect(failureOf(() => writeWhole("/dev/full", "x"))?.message).toBe(
    "/dev/full cannot be written: no space left on device",
  );
});

test("a folder is made where there is none, and is no file", () => {
  const made = join(folder, "a", "b");
  checkFolder("--results", made);
  expect(readdirSync(made)).toEqual([]);
  writeFileSync(join(folder, "file"), "");
  expect(failureOf(() => checkFolder("--results", join(folder, "file")))?.message).toEndWith(
    "nothing can be written there: it is a file",
  );
});
