/** What `--server` takes, read without starting anything. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Failure } from "../platform/failure.ts";
import { namedServers, split } from "./named.ts";

test.each([
  ["bun", ["bun"]],
  ["bun,go,node", ["bun", "go", "node"]],
  ["mine=./server --port {port}", ["mine=./server --port {port}"]],
  ["mine=./server --peers a,b,c", ["mine=./server --peers a,b,c"]],
  ["bun,go,mine=./server a,b", ["bun", "go", "mine=./server a,b"]],
  ["mine=A=1 ./server --x=2,y=3", ["mine=A=1 ./server --x=2,y=3"]],
  ["mine=tcp://127.0.0.1:8080", ["mine=tcp://127.0.0.1:8080"]],
  [`mine=sh -c "echo 'a, b=c'; ./server {port}"`, [`mine=sh -c "echo 'a, b=c'; ./server {port}"`]],
])("%j names %j", (value, names) => {
  expect(split(value)).toEqual(names);
});

test("values in their order, each with how it is had", () => {
  const sources = namedServers(["go", "mine=./server {port}", "theirs=udp://[::1]:9", "bun,node"]);
  expect(sources.map(({ name, kind, endpoint }) => [name, kind, endpoint?.url])).toEqual([
    ["go", "program", undefined],
    ["mine", "command", undefined],
    ["theirs", "running", "udp://[::1]:9"],
    ["bun", "program", undefined],
    ["node", "program", undefined],
  ]);
});

test.each([
  [["perl"], "--server perl: expected one of: bun, unbatched, yardstick, go, node, c"],
  [["bun,"], "--server : expected one of: bun"],
  [["bun", "go,bun"], "bun is named twice"],
  [["mine=./a {port}", "mine=./b {port}"], "mine is named twice"],
  [["mine="], 'behind "=" stands a command or an address'],
  [["./server --port=8080"], 'before "=" stands a name'],
  [["mine=tcp://127.0.0.1"], "--server mine: tcp://127.0.0.1 is no address"],
  [["mine=http://127.0.0.1:80"], "--server mine: http://127.0.0.1:80 is no address"],
  [["reference=./a"], "reference has a meaning of its own"],
])("%j is a usage error", (values, words) => {
  const error = errorOf(() => namedServers(values, { taken: ["reference"] }));
  expect(error.exitCode).toBe(2);
  expect(error.message).toContain(words);
});

function errorOf(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("certificates are a matter of those over TLS, and of nobody else", () => {
  const [plain, secured] = namedServers(["a=tcp://127.0.0.1:1", "b=tls://127.0.0.1:2"], { insecure: true });
  expect(plain.endpoint?.trust).toBeUndefined();
  expect(secured.endpoint?.trust).toEqual({ insecure: true });
  expect(errorOf(() => namedServers(["a=tcp://127.0.0.1:1"], { insecure: true })).exitCode).toBe(2);
});

describe("a targets.json in the folder where it is run", () => {
  const home = process.cwd();
  const folder = mkdtempSync(`${tmpdir()}/sockbench-named-`);
  afterEach(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
  });

  test("is the one that is meant, and ours are known without it", () => {
    const entries = [
      { name: "mine", command: "./server {port}", protocols: ["sum-tcp"] },
      { name: "there", url: "tcp://127.0.0.1:9", protocols: ["echo"] },
      { name: "both", url: "tcp://127.0.0.1:9", command: "./server 9", protocols: ["echo"] },
    ];
    writeFileSync(`${folder}/targets.json`, JSON.stringify(entries));
    process.chdir(folder);
    expect(namedServers(["mine,there,both,bun"]).map(({ name, kind }) => [name, kind])).toEqual([
      ["mine", "command"],
      ["there", "running"],
      ["both", "at an address"],
      ["bun", "program"],
    ]);
    expect(errorOf(() => namedServers(["yours"])).message).toContain("node, c, mine, there, both");
  });
});
