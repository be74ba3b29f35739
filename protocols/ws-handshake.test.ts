/** Requests as bytes: which are answered how, before any socket is there. */
import { expect, test } from "bun:test";
import { acceptFor, handshakeRequest, readHead, statusOf } from "./websocket.ts";
import { answerHandshake, encodeAnswer, isForeign, MAX_HEAD_BYTES, readRequest } from "./ws-handshake.ts";

const KEY = "c29ja2JlbmNoLXRlc3QtMQ==";
const handshake = (fields: Record<string, string | undefined> = {}, edit = (text: string) => text) =>
  edit(handshakeRequest("here:1", "/ws?a=b", KEY, fields));

function statusFor(text: string): number | undefined {
  const request = readRequest(Buffer.from(text, "latin1"));
  if (!request) return undefined;
  if ("status" in request) return request.status;
  const answer = answerHandshake(request);
  return "status" in answer ? answer.status : statusOf(readHead(answer)!);
}

test("a right handshake is accepted with its key's value, and what follows it begins behind the head", () => {
  const text = handshake();
  const request = readRequest(Buffer.from(`${text}frames`));
  if (!request || "status" in request) throw new Error("no request");
  expect([request.path, request.end]).toEqual(["/ws", text.length]);
  expect(readHead(answerHandshake(request) as Uint8Array)?.fields["sec-websocket-accept"]).toBe(
    acceptFor(KEY),
  );
});

test.each([
  ["in any letters", handshake({ Upgrade: "WebSocket", Connection: "keep-alive, upgrade" }), 101],
  ["an absolute target", handshake({}, (text) => text.replace("/ws", "http://here:1/ws")), 101],
  ["no Upgrade", handshake({ Upgrade: undefined }), 426],
  ["another Upgrade", handshake({ Upgrade: "h2c" }), 426],
  ["no Connection", handshake({ Connection: undefined }), 426],
  ["version 8", handshake({ "Sec-WebSocket-Version": "8" }), 426],
  ["HTTP/1.0", handshake({}, (text) => text.replace("1.1", "1.0")), 426],
  ["POST", handshake({}, (text) => text.replace("GET", "POST")), 426],
  ["no key", handshake({ "Sec-WebSocket-Key": undefined }), 400],
  ["a short key", handshake({ "Sec-WebSocket-Key": "c2hvcnQ=" }), 400],
  ["no Host", handshake({ Host: undefined }), 400],
  ["two Hosts", handshake({ host: "there" }), 400],
  ["a blank before a colon", handshake({ "X ": "y" }), 400],
  ["a line without a colon", handshake({}, (text) => text.replace("Upgrade: ", "Upgrade ")), 400],
  ["HTTP/2.0", handshake({}, (text) => text.replace("1.1", "2.0")), 505],
  ["a frame", "\x81\x85abcd", 400],
  ["TLS", "\x16\x03\x01", 400],
  ["half a head", "GET / HTTP/1.1\r\nHost: x", undefined],
  ["a head that has no end", `GET / HTTP/1.1\r\nX: ${"y".repeat(MAX_HEAD_BYTES)}`, 431],
  ["a head that is too long", handshake({ X: "y".repeat(MAX_HEAD_BYTES) }), 431],
])("%s", (_, text, status) => {
  expect(statusFor(text)).toBe(status);
});

test("an answer tells its length and its end; to HEAD it has no body", () => {
  const answer = { status: 200, body: "é", fields: { "Content-Type": "text/plain" } } as const;
  const get = Buffer.from(encodeAnswer(answer, "GET"));
  const head = readHead(get);
  expect(head?.fields).toMatchObject({
    "content-length": "2",
    connection: "close",
    "content-type": "text/plain",
  });
  expect(get.subarray(head?.end).toString()).toBe("é");
  expect(Buffer.from(encodeAnswer(answer, "HEAD")).toString()).toEndWith("\r\n\r\n");
});

test("an origin is ours by host and port, or by name", () => {
  expect(isForeign({ host: "a:1" }, [])).toBe(false);
  expect(isForeign({ host: "a:1", origin: "http://a:1" }, [])).toBe(false);
  expect(isForeign({ host: "a:1", origin: "http://a:2" }, [])).toBe(true);
  expect(isForeign({ host: "a:1", origin: "null" }, [])).toBe(true);
  expect(isForeign({ host: "a:1", origin: "http://b" }, ["http://b"])).toBe(false);
  expect(isForeign({ host: "a:1", origin: "http://c" }, ["*"])).toBe(false);
});
