/** Which protocol a server that is not ours is taken for, and which cells that leaves: nothing is started. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { boundBy, chooseCells, type Request } from "./choose.ts";

const request = (parts: Partial<Request>): Request => ({
  quick: true,
  seed: 1,
  exhaustive: false,
  servers: ["bun"],
  ...parts,
});
const home = process.cwd();
const folder = mkdtempSync(`${tmpdir()}/sockbench-choose-`);
afterAll(() => rmSync(folder, { recursive: true }));

const port = { servers: ["bun", "mine=./server {port}"] };
test.each<[scenarios: string[], parts: Partial<Request>, protocol: string]>([
  [["fanout"], port, "chat/bracket"],
  [["sum"], port, "sum/ws"],
  [["sum"], { ...port, transport: "tcp" }, "sum/tcp"],
  [["sum"], { ...port, protocol: "sum/udp" }, "sum/udp"],
  [["truncate"], port, "relay"],
  [["transfer"], port, "file"],
  [[], port, "chat/bracket"],
  [["sum"], { servers: ["mine=./server {port}", "there=tcp://127.0.0.1:9"] }, "sum/tcp"],
  [["fanout"], { servers: ["there=ws://127.0.0.1:9/ws"] }, "chat/ws"],
  [["fanout"], { target: "udp://127.0.0.1:9" }, "relay"],
  [["fanout"], { exec: "./server" }, "chat/bracket"],
])("%j with %j is %s, and nothing else is run", (scenarios, parts, protocol) => {
  expect(boundBy(scenarios, request(parts))?.protocol).toBe(protocol);
  const cells = chooseCells(scenarios, request(parts));
  expect([...new Set(cells.map((cell) => cell.protocol))]).toEqual([protocol]);
});

test("servers of ours speak all of them", () => {
  expect(boundBy(["sum"], request({ servers: ["bun", "go"] }))).toBeUndefined();
});

test("targets.json says what a server speaks; two of which nothing fits both cannot be compared", () => {
  const entry = (name: string, slug: string) => ({ name, command: "./server {port}", protocols: [slug] });
  const entries = [entry("a", "sum-tcp"), entry("b", "chat-json"), entry("other", "rfc6455")];
  writeFileSync(`${folder}/targets.json`, JSON.stringify(entries));
  process.chdir(folder);
  try {
    expect(boundBy(["sum"], request({ servers: ["a", "bun"] }))?.protocol).toBe("sum/tcp");
    expect(() => chooseCells(["sum"], request({ servers: ["a", "b"] }))).toThrow(
      "--server a speaks sum/tcp, b speaks chat/json: sum does not fit all of them",
    );
    expect(() => boundBy(["sum"], request({ servers: ["other"] }))).toThrow(
      "rfc6455 is nothing that bench measures",
    );
  } finally {
    process.chdir(home);
  }
});
