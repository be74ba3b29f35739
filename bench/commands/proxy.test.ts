/** `sockbench proxy` as a user types it. */
import { expect, test } from "bun:test";
import { startEcho } from "../../servers/tcp-echo.ts";
import { connectRaw } from "../../servers/testing.ts";
import { runToEnd, startListening } from "../../servers/testing-programs.ts";

const program = [process.execPath, `${import.meta.dir}/../sockbench.ts`, "proxy"];

test("stands before a server, and counts what passed", async () => {
  const echo = startEcho({ host: "127.0.0.1", port: 0, unframed: false, idleSeconds: 60 });
  const proxy = await startListening([...program, "--target", echo.url, "--latency", "2ms±1ms", "--json"]);
  const client = await connectRaw(proxy.listening);
  client.write("ping\n".repeat(3));
  await client.until(() => client.text() === "pong\n".repeat(3), "three pongs");
  client.finish();
  await client.untilClosed();
  await proxy.stop();
  expect(JSON.parse(await proxy.last())).toMatchObject({
    counters: { connections: 1, up: 15, down: 15 },
  });
  await echo.stop();
});

const refused: Record<string, [flags: string[], words: string]> = {
  "no target": [[], "--target"],
  "a target that is none": [["--target", "127.0.0.1:80"], "--target 127.0.0.1:80"],
  "a latency without unit": [["--target", "tcp://127.0.0.1:1", "--latency", "20"], "20ms±5ms"],
  "loss of a stream": [["--target", "tcp://127.0.0.1:1", "--loss", "1%"], "--loss has no meaning"],
  "slices of datagrams": [["--target", "udp://127.0.0.1:1", "--slice", "1"], "--slice has no meaning"],
  "a port that is none": [["--target", "udp://127.0.0.1:1", "--listen", "127.0.0.1:99999"], "--listen"],
};

for (const [name, [flags, words]] of Object.entries(refused))
  test(`refuses ${name} in one line, with code 2`, async () => {
    const { code, stderr } = await runToEnd([...program, ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(stderr.trim().split("\n").length).toBe(1);
  });
