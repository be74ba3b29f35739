/** TLS: the same bytes as without it, for TCP and WebSocket servers. */
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Running } from "./standalone.ts";
import { startChat } from "./tcp-chat.ts";
import { connectRaw, connectWebSocket, placeOf, startProgram } from "./testing.ts";
import { startChatWs } from "./ws-chat.ts";

const FOLDER = `${import.meta.dir}/testing-tls`;
const cert = readFileSync(`${FOLDER}/cert.pem`, "utf8");
const TLS_FLAGS = ["--tls-cert", `${FOLDER}/cert.pem`, "--tls-key", `${FOLDER}/key.pem`];
const tls = { cert, key: readFileSync(`${FOLDER}/key.pem`, "utf8") };

let server: Running;
afterEach(() => server?.stop());

test("a TCP room greets, relays, half-closes and evicts over TLS as without", async () => {
  server = startChat({ host: "127.0.0.1", port: 0, dialect: "chat/welcome", tls });
  expect(server.url).toStartWith("tls://127.0.0.1:");
  const a = await connectRaw(server.url, { ca: cert });
  await a.untilEnd("Welcome 1\n");
  const b = await connectRaw(server.url, { ca: cert });
  await b.untilEnd("Welcome 2\n");
  const line = `${"x".repeat(60_000)}\n`;
  b.write(line.repeat(20));
  await a.until(() => a.text().endsWith(`2:${line}`.repeat(20)), "all lines");
  b.write("last\n");
  b.finish();
  await b.untilClosed();
  expect(b.text()).toEndWith("2:last\n");
  await a.untilEnd("2:last\nUser:2has left\n");
  const deaf = await connectRaw(server.url, { ca: cert });
  await deaf.untilEnd("Welcome 3\n");
  deaf.socket.pause();
  for (let i = 0; server.counters!()["slow readers evicted"] === 0 && i < 2000; i++) {
    const goal = a.received() + line.length;
    a.write(line);
    await a.until(() => a.received() >= goal, "the line");
  }
  await a.untilEnd("User:3has left\n");
  a.reset();
});

test("a plain client at a TLS port hurts nobody", async () => {
  server = startChat({ host: "127.0.0.1", port: 0, dialect: "chat/bracket", tls });
  const plain = await connectRaw(server.url);
  plain.write("hello\n");
  await plain.untilClosed();
  const [a, b] = [await connectRaw(server.url, { ca: cert }), await connectRaw(server.url, { ca: cert })];
  a.write("one\n");
  b.write("two\n");
  await a.until(() => a.text().endsWith("two\n") || b.text().endsWith("one\n"), "a line");
  a.reset();
  b.reset();
});

/** Ends within the handshake: before it, at its first bytes, in its middle. */
const beginnings = ["", "\x16\x03\x01\x00\xc8\x01", "GET / HTTP/1.1\r\n\r\n"];

test.each(["tcp-chat.ts", "tcp-sum.ts", "tcp-file.ts", "ws-chat.ts"])(
  "%s outlives clients that go before their handshake is done",
  async (file) => {
    const program = await startProgram(file, TLS_FLAGS);
    for (let i = 0; i < 60; i++) {
      const { hostname, port } = placeOf(program.listening);
      const guest = await Bun.connect({ hostname, port, socket: { data() {}, error() {} } });
      guest.write(beginnings[i % beginnings.length]);
      if (i % 2) guest.terminate();
      else guest.end();
    }
    const secured = Array.from({ length: 20 }, async (_, i) => {
      const guest = await connectRaw(program.listening, { ca: cert });
      if (i % 2) guest.reset();
      else guest.finish();
    });
    await Promise.all(secured);
    (await connectRaw(program.listening, { ca: cert })).reset();
    expect(await program.stop()).toBe(0);
  },
);

test("the WebSocket room and its page speak wss:// and https://", async () => {
  server = startChatWs({
    host: "127.0.0.1",
    port: 0,
    tls,
    pingSeconds: 54,
    silenceSeconds: 60,
    allowOrigins: [],
  });
  expect(server.url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+\/ws$/);
  const options = { tls: { ca: cert }, headers: { Origin: server.url.replace(/^wss(.*)\/ws$/, "https$1") } };
  const [a, b] = [await connectWebSocket(server.url, options), await connectWebSocket(server.url, options)];
  a.send("hello");
  await b.untilReceived(1);
  expect(String(b.received[0])).toEndWith("]: hello\n");
  const page = await fetch(server.url.replace(/^wss(.*)\/ws$/, "https$1/"), { tls: { ca: cert } });
  expect(await page.text()).toContain("<title>Chat</title>");
  a.close();
  b.close();
});

test.each(["tcp-echo.ts", "tcp-sum.ts", "tcp-file.ts", "ws-sum.ts"])(
  "%s says that it speaks TLS",
  async (file) => {
    const program = await startProgram(file, TLS_FLAGS);
    expect(program.listening).toMatch(file.startsWith("tcp") ? /^tls:/ : /^wss:/);
    expect(await program.stop()).toBe(0);
  },
);

test("a WebSocket server on a Unix socket serves its page there", async () => {
  const unix = `${import.meta.dir}/../node_modules/.${process.pid}-chat.sock`;
  server = startChatWs({ host: "", port: 0, unix, pingSeconds: 54, silenceSeconds: 60, allowOrigins: [] });
  expect(server.url).toBe(`ws+unix://${unix}:/ws`);
  expect((await fetch("http://localhost/", { unix })).status).toBe(200);
});
