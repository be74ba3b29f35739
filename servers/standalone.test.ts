/** Server programs: their one line, their stop, their errors. */
import { expect, test } from "bun:test";
import { connectRaw, runProgram, startProgram } from "./testing.ts";

test("the first line says where the server listens, and SIGTERM ends it with exit code 0", async () => {
  const program = await startProgram("tcp-chat.ts", ["--dialect", "chat/welcome"]);
  expect(program.protocol).toBe("chat/welcome");
  expect(program.listening).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
  const client = await connectRaw(program.listening);
  await client.untilEnd("Welcome 1\n");
  expect(await program.stop()).toBe(0);
  await client.untilClosed();
});

test("what was dropped or refused is printed at the end", async () => {
  const program = await startProgram("udp-relay.ts");
  await program.stop();
  expect(JSON.parse(await program.last())).toEqual({ stopped: program.listening, counters: {} });
});

test.each(["tcp-chat.ts", "ws-sum.ts", "udp-relay.ts"])(
  "%s: a port in use is one line and exit code 3",
  async (file) => {
    const program = await startProgram(file);
    const port = new URL(program.listening).port;
    const { code, stdout, stderr } = await runProgram(file, ["--port", port]);
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(new RegExp(`^error: .*${port}: the address is in use.*\n$`));
    await program.stop();
  },
);

test.each([
  [["--port", "65536"], "65536"],
  [["--port", "x"], "x"],
  [["--dialect", "chat/none"], "chat/none"],
  [["--nonsense"], "--nonsense"],
  [["--tls-cert", "/nowhere/cert.pem"], "--tls-key"],
  [["--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"], "/nowhere/cert.pem"],
])("%j is a usage error that names it", async (flags, named) => {
  const { code, stdout, stderr } = await runProgram("tcp-chat.ts", flags);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(named);
});

test("a closed standard input ends the console and not the server", async () => {
  const program = await startProgram("tcp-chat.ts");
  await program.child.stdin.end();
  const client = await connectRaw(program.listening);
  const other = await connectRaw(program.listening);
  client.write("still here\n");
  other.write("me too\n");
  await client.untilEnd(`[${other.address}]: me too\n`);
  expect(await program.stop()).toBe(0);
});

test.each([
  [[], /^chat\/ws listening on ws:\/\/127\.0\.0\.1:(\d+)\/ws, its page at http:\/\/127\.0\.0\.1:\1\/$/],
  [["--json"], /^\{"listening":"ws:\/\/127\.0\.0\.1:\d+\/ws","protocol":"chat\/ws","pid":\d+\}$/],
])("a server with a page says where it is, to a person: %j", async (flags, line) => {
  const command = [process.execPath, `${import.meta.dir}/ws-chat.ts`, "--port", "0", ...flags];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  child.kill();
  expect(Buffer.from(value!).toString().trimEnd()).toMatch(line);
  await child.exited;
});
