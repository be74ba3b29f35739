/** The catalogue: every server starts by `serve` and by itself, and says the same. */
import { expect, test } from "bun:test";
import { serverNames, servers } from "./index.ts";
import { connectRaw, runProgram, startProgram, WAIT_MS } from "./testing.ts";
import { startListening } from "./testing-programs.ts";

test("the twelve servers stand in the order of the sheet", () => {
  expect(serverNames.map((name) => [name, servers[name].spec.port({})])).toEqual([
    ["chat/bracket", 8080],
    ["chat/welcome", 2020],
    ["chat/stamped", 9000],
    ["chat/json", 8080],
    ["relay", 8081],
    ["chat/ws", 8080],
    ["hub", 8080],
    ["sum/tcp", 5656],
    ["sum/udp", 5656],
    ["sum/ws", 5657],
    ["echo", 9000],
    ["file", 9000],
  ]);
});

test.each(serverNames)("%s starts by itself and stops on SIGTERM", async (name) => {
  const { file, flags, protocol } = servers[name];
  const program = await startProgram(file, [...flags]);
  expect(program.listening).toStartWith(`${protocol.transport}://127.0.0.1:`);
  expect(await program.stop()).toBe(0);
});

const SERVE = "../bench/sockbench.ts";

test.each(serverNames)(
  "serve starts %s under its own name",
  async (name) => {
    const serve = [process.execPath, `${import.meta.dir}/${SERVE}`, "serve", name];
    const program = await startListening([...serve, "--port", "0", "--json"]);
    expect(program.protocol).toBe(name);
    expect(await program.stop()).toBe(0);
  },
  2 * WAIT_MS,
);

test("serve --list names them all, with transport and port", async () => {
  const { code, stdout } = await runProgram(SERVE, ["serve", "--list"]);
  expect(code).toBe(0);
  for (const name of serverNames)
    expect(stdout).toMatch(new RegExp(`${name} .*${servers[name].spec.port({})}`));
});

test("serve <protocol> --help shows the server's flags", async () => {
  const { code, stdout } = await runProgram(SERVE, ["serve", "relay", "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain("--oversize");
});

test.each([[["serve", "nothing"]], [["serve"]]])("%j is a usage error with the list", async (flags) => {
  const { code, stderr } = await runProgram(SERVE, flags);
  expect(code).toBe(2);
  for (const name of serverNames) expect(stderr).toContain(name);
});

const streams = serverNames.filter((name) => servers[name].protocol.transport === "tcp");
test.each(streams)("%s listens on IPv6 and on a Unix socket", async (name) => {
  const { file, flags } = servers[name];
  const six = await startProgram(file, [...flags, "--host", "::1"]);
  expect(six.listening).toStartWith("tcp://[::1]:");
  (await connectRaw(six.listening)).reset();
  await six.stop();
  const path = `${import.meta.dir}/../node_modules/.${process.pid}-${file}.sock`;
  const unix = await startProgram(file, [...flags, "--unix", path]);
  expect(unix.listening).toBe(`unix://${path}`);
  (await connectRaw({ unix: path })).reset();
  await unix.stop();
});
