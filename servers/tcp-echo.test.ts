/** Echo over real sockets. */
import { afterEach, expect, test } from "bun:test";
import type { Running } from "./standalone.ts";
import { startEcho } from "./tcp-echo.ts";
import { connectRaw } from "./testing.ts";

let server: Running;
afterEach(() => server.stop());

const connect = (unframed: boolean) => {
  server = startEcho({ host: "127.0.0.1", port: 0, unframed, idleSeconds: 60 });
  return connectRaw(server.url);
};

test("each line gets a pong, however the lines are cut", async () => {
  const client = await connect(false);
  client.write("ping\n".repeat(10));
  await client.until(() => client.text() === "pong\n".repeat(10), "ten pongs");
  client.write("pi");
  client.write("ng\npin");
  await client.until(() => client.text() === "pong\n".repeat(11), "eleven pongs");
  client.write("g\n");
  client.finish();
  await client.untilClosed();
  expect(client.text()).toBe("pong\n".repeat(12));
});

test("a line over 65,536 bytes ends the connection", async () => {
  const client = await connect(false);
  client.write(`ping\n${"x".repeat(65_537)}`);
  await client.untilClosed();
  expect(client.text()).toBe("pong\n");
});

test("--unframed: ten pings in one segment get one pong, without newline", async () => {
  const client = await connect(true);
  client.write("ping\n".repeat(10));
  client.finish();
  await client.untilClosed();
  expect(client.text()).toBe("pong");
});

test("--unframed: one pong for each 1,024 bytes", async () => {
  const client = await connect(true);
  client.write("x".repeat(2049));
  client.finish();
  await client.untilClosed();
  expect(client.text()).toBe("pongpongpong");
});
