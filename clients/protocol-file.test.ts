import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { findProtocol, removeProtocol } from "../protocols/index.ts";
import { isProtocolFile, type LoadedProtocol, loadedWords, resolveProtocol } from "./protocol-file.ts";

const folder = mkdtempSync(`${tmpdir()}/sockbench-protocol-`);
const imports = `import { defineProtocol, lines } from "sockbench/protocol";`;
const room = `room: { say: () => ({}), hear: () => ({ prefix: "> " }) }`;
const files: Record<string, string> = {
  "right.ts": `${imports} export default defineProtocol({ name: "right", framing: lines(), ${room} });`,
  "varies.js": `${imports} export default defineProtocol({ name: "varies", framing: lines(), room: {
    say: () => ({}), hear: () => ({ prefix: "7 " }), find: (unit) => [unit.indexOf(" ") + 1, unit.length] } });`,
  "taken.ts": `${imports} export default defineProtocol({ name: "echo", framing: lines() });`,
  "bare.ts": "export default { name: 'bare' };",
  "empty.ts": "export const x = 1;",
  "broken.ts": "export default {",
  "throws.ts": "throw new Error('not today');",
  "wrong.ts": `${imports} export default defineProtocol({ name: "wrong", framing: lines(), room: {
    say: () => ({}), hear: () => ({ prefix: "a\\nb" }) } });`,
  "missing.ts": "import 'nowhere-to-be-found'; export default 1;",
};

beforeAll(async () => {
  for (const [name, text] of Object.entries(files)) await Bun.write(`${folder}/${name}`, text);
});
afterAll(() => {
  for (const name of ["right", "varies"]) removeProtocol(name);
  rmSync(folder, { recursive: true, force: true });
});

test("a name is no file, and a path is", () => {
  expect(["chat/bracket", "sum/tcp", "mine"].filter(isProtocolFile)).toEqual([]);
  const paths = ["./mine", "../a/b", "/x/y", "mine.ts", "mine.js", "a/mine.mts"];
  expect(paths.filter(isProtocolFile)).toEqual(paths);
});

test("a file in any folder is loaded, checked, and known by its name and path", async () => {
  const told: LoadedProtocol[] = [];
  expect(await resolveProtocol(`${folder}/right.ts`, (loaded) => void told.push(loaded))).toBe("right");
  expect(findProtocol("right")).toMatchObject({ module: `${folder}/right.ts`, transport: "tcp" });
  expect(loadedWords(told[0])).toMatch(
    /^protocol right: checked with \d+ units, .* constant bytes around it$/,
  );
  // Once more is no other one.
  expect(await resolveProtocol(`${folder}/right.ts`)).toBe("right");
});

test("what its own code takes is measured where it runs for each message", async () => {
  const told: LoadedProtocol[] = [];
  await resolveProtocol(`${folder}/varies.js`, (loaded) => void told.push(loaded));
  expect(findProtocol("varies")?.parserNs).toBeGreaterThan(0);
  expect(loadedWords(told[0])).toContain("its parser takes");
});

test("a name that is known stays as it is", async () => {
  expect(await resolveProtocol("chat/bracket")).toBe("chat/bracket");
});

test.each([
  ["nowhere.ts", /^--protocol \S+nowhere\.ts: there is no such file$/],
  ["taken.ts", /: name: there is a protocol "echo" already$/],
  ["bare.ts", /: its default export is no protocol; write export default defineProtocol/],
  ["empty.ts", /: its default export is no protocol/],
  ["broken.ts", /^--protocol \S+broken\.ts: \S/],
  ["throws.ts", /: not today$/],
  ["wrong.ts", /: framing: of what room\.hear gives, all at once, "a\\nb/],
  ["missing.ts", /nowhere-to-be-found/],
])("%s ends in one line that names the file, with exit code 2", async (name, words) => {
  const failure = await resolveProtocol(`${folder}/${name}`).catch((error) => error);
  expect(failure).toMatchObject({ exitCode: 2 });
  expect(failure.message).toMatch(words);
  expect(failure.message).not.toContain("\n");
});
