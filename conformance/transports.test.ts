/** A running server is judged over TLS and over a Unix socket too, and one of another protocol is reported. */
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Running } from "../servers/standalone.ts";
import { startChat } from "../servers/tcp-chat.ts";
import { startTcpSum } from "../servers/tcp-sum.ts";
import { startSum } from "../servers/ws-sum.ts";
import { type ConformOptions, conform } from "./index.ts";
import { runMatrix } from "./matrix.ts";
import { summary } from "./report.ts";

const pem = (name: string) =>
  readFileSync(join(import.meta.dir, `../servers/testing-tls/${name}.pem`), "utf8");
const tls = { cert: pem("cert"), key: pem("key") };
const ca = join(import.meta.dir, "../servers/testing-tls/cert.pem");
const local = { host: "127.0.0.1", port: 0 };

let server: Running;
afterEach(() => server.stop());

async function judged(choice: string, options: ConformOptions = {}) {
  const target = server.url.replace(/\/add$/, "/echo");
  const report = await conform({ choice: [choice], target, trust: { ca }, ...options });
  return { ...report, verdicts: [...new Set(report.results.map(({ verdict }) => verdict))].sort() };
}

test("over TLS", async () => {
  server = startChat({ ...local, dialect: "chat/bracket", tls });
  expect((await judged("chat-bracket/1")).verdicts).toEqual(["pass"]);
  expect((await judged("chat-bracket/4.6")).verdicts).toEqual(["pass"]);
});

test("an untrusted certificate fails no case: none of them can run", async () => {
  server = startChat({ ...local, dialect: "chat/bracket", tls });
  const report = await conform({ choice: ["chat-bracket/1.1"], target: server.url });
  expect(report.results).toMatchObject([
    { verdict: "error", actual: expect.stringContaining("its certificate is not trusted: self signed") },
  ]);
});

test("a target of a file names the authorities that it trusts", async () => {
  server = startChat({ ...local, dialect: "chat/bracket", tls });
  const target = { name: "mine", url: server.url, protocols: ["chat-bracket" as const] };
  const targets = [
    { ...target, insecure: true as const },
    { ...target, ca },
  ];
  const matrix = await runMatrix(targets, ["chat-bracket/1.1"], { strict: false });
  expect(matrix.map(({ report }) => report.counts.pass)).toEqual([1, 1]);
});

test("frames over wss://", async () => {
  server = startSum({ ...local, idleSeconds: 20, handshakeSeconds: 5, tls });
  expect((await judged("rfc6455/4")).verdicts).toEqual(["pass"]);
});

test("over a Unix socket, where a dialect has no addresses", async () => {
  const unix = join(import.meta.dir, `../node_modules/.${process.pid}-conform.sock`);
  server = startChat({ host: "", port: 0, unix, dialect: "chat/welcome" });
  expect((await judged("chat-welcome/1")).verdicts).toEqual(["pass"]);
  expect((await judged("chat-bracket/1")).verdicts).toEqual(["unsupported"]);
});

test("a server of another protocol is reported before the first case, and failed cases are listed", async () => {
  server = startTcpSum({ ...local, idleSeconds: 30 });
  const said: string[] = [];
  const report = await judged("chat-bracket/1.1", {
    timeout: 400,
    onResult: ({ id }) => said.push(id),
    onUnhealthy: (protocol, why) => said.push(`${protocol}: ${why}`),
  });
  expect(said).toEqual([
    expect.stringContaining("chat/bracket: expected alice receives"),
    "chat-bracket/1.1",
  ]);
  expect(summary(report)).toEndWith("\nfailed: chat-bracket/1.1");
});
