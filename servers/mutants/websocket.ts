#!/usr/bin/env bun
/**
 * A WebSocket echo by hand, with one fault: `bun servers/mutants/websocket.ts --fault takes-unmasked`. No library
 * would leave out a rule of RFC 6455, so each rule stands here in plain sight, and each fault takes one out.
 */
import type { Socket } from "bun";
import { createOutbox, flush, pending, send } from "../../platform/outbox.ts";
import {
  acceptFor,
  closeCode,
  closePayload,
  createFrameBuffer,
  encodeFrame,
  FIN,
  type FrameHeader,
  type HttpHead,
  headerBytes,
  isControl,
  isFinal,
  opcodeOf,
  opcodes,
  readHead,
  reservedBits,
  splitFrames,
} from "../../protocols/websocket.ts";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";

export const websocketFaults = {
  none: "no fault",
  "wrong-accept": "the accept value is that of another key",
  "exact-names": "the names of header fields are compared letter by letter",
  "exact-values": "the values of Upgrade and Connection are compared letter by letter",
  "one-token": "Connection may hold nothing but Upgrade",
  "exact-path": "a query is part of the path",
  "short-fields": "a header field of more than a thousand bytes is refused",
  "no-upgrade-check": "Upgrade is not looked at",
  "no-connection-check": "Connection is not looked at",
  "no-key-check": "the key is not looked at",
  "no-version-check": "the version is not looked at",
  "any-method": "the method is not looked at",
  "no-host-check": "Host is not looked at",
  "no-1.1-check": "HTTP/1.0 is taken too",
  "bare-426": "the refusal of a version does not name the right one",
  "no-upgrade-answer": "the answer has no Upgrade field",
  "names-protocol": "the answer names a subprotocol that nobody offered",
  "names-extension": "the answer names an extension that nobody offered",
  "one-read-head": "the handshake must come in one read",
  backtracks: "a pattern with overlapping quantifiers runs over the first line",
  "echoes-bare-frames": "frames are answered without a handshake",
  masks: "the server's frames are masked",
  "long-lengths": "the server writes each length in eight bytes",
  "one-frame-a-read": "of the frames of a read only the first is taken",
  "one-read-frame": "a frame must come in one read",
  "first-mask": "all frames are unmasked with the first one's key",
  "no-zero-mask": "a mask of zeros fails the connection",
  "length-16": "a length in eight bytes is not understood",
  "up-to-125": "a length over 125 fails the connection",
  "takes-long-forms": "a length in more bytes than it needs is taken",
  "ignores-length": "a length above 2^63 is waited for",
  "no-fragments": "each fragment is a message of its own",
  "last-fragment": "of the fragments only the last one is kept",
  "type-of-last": "a message in fragments is always text",
  "few-fragments": "a message of more than fifty fragments fails the connection",
  "late-pong": "a ping between fragments is answered after the message",
  "pings-are-text": "a ping between fragments becomes part of the message",
  "echoes-fragments": "each fragment comes back before the message is whole",
  "takes-orphans": "a continuation of nothing is taken for a message",
  "takes-new-in-old": "a new message before the last fragment drops the old one",
  "takes-cut-control": "a control frame without FIN is taken",
  "no-pong": "a ping is not answered",
  "empty-pong": "a pong is always empty",
  "text-pong": "the payload of a pong is decoded and encoded again",
  "closes-at-pong": "a pong that nobody asked for fails the connection",
  "takes-long-control": "a control frame over 125 bytes is taken",
  "takes-reserved-bits": "reserved bits are not looked at",
  "takes-reserved-opcodes": "an opcode that is not defined is passed over",
  "takes-unmasked": "a frame without a mask is taken",
  "no-utf8-check": "text is not looked at",
  "utf8-by-fragment": "each fragment of a text must be UTF-8 by itself",
  "utf8-in-binary": "a binary message must be UTF-8 too",
  "strips-bom": "a byte order mark is cut off",
  latin: "text comes back as if each byte were a character",
  "fails-with-1011": "every fault is answered with code 1011",
  "fails-open": "every fault is answered with a close, and the connection stays",
  "fails-silently": "every fault closes the connection without a close frame",
  "no-close-answer": "a close is not answered",
  "close-always-1001": "a close is answered with code 1001, whatever it says",
  "close-stays": "after both closes the connection stays",
  "close-resets": "after both closes the connection is reset",
  "close-code-unchecked": "any code of a close is taken",
  "close-few-codes": "codes from 3000 on are refused in a close",
  "close-byte": "a close of one byte is taken for an empty one",
  "close-reason-unchecked": "the reason of a close is not looked at",
  "close-short-reason": "a reason over a hundred bytes is refused",
  "answers-after-close": "frames behind a close are answered still",
  "keeps-everything": "what waits for a peer that does not read has no bound",
  "fin-stays": "a FIN without a close is not answered",
  silent: "after the handshake nothing is ever sent",
} as const;

export type WebsocketFault = keyof typeof websocketFaults;
type Has = (fault: WebsocketFault) => boolean;

export type WsConnection = {
  head: Buffer;
  open: boolean;
  closing: boolean;
  frames: ReturnType<typeof createFrameBuffer>;
  opcode: number;
  parts: Buffer[];
  pings: Buffer[];
  firstMask?: number;
  outbox: ReturnType<typeof createOutbox>;
};

const newConnection = (queueBytes: number): WsConnection => ({
  head: Buffer.alloc(0),
  open: false,
  closing: false,
  frames: createFrameBuffer(),
  opcode: 0,
  parts: [],
  pings: [],
  outbox: createOutbox(queueBytes),
});

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
};

/** Scheme, host and path can be told apart in as many ways as there are letters, and each is tried. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~\w-]+) (?:[a-z]+:\/\/[^/?# ]*)?([^?# ]*)[^ ]* HTTP\/(\d\.\d)$/i;

/** The status that refuses a handshake; 101 for one that is right. */
function judge({ firstLine, fields }: HttpHead, has: Has): number {
  if (has("backtracks") && !REQUEST_LINE.test(firstLine)) return 400;
  const fold = (text = "") => (has("exact-values") ? text : text.toLowerCase());
  const wish = has("exact-values")
    ? { upgrade: "websocket", token: "Upgrade" }
    : { upgrade: "websocket", token: "upgrade" };
  const [method, target, version] = firstLine.split(" ");
  const path = has("exact-path") ? target : (target ?? "").split("?")[0];
  const tokens = (fields.connection ?? "")
    .split(has("one-token") ? "\n" : ",")
    .map((token) => fold(token.trim()));
  const key = fields["sec-websocket-key"];
  const rules: [boolean, number][] = [
    [has("any-method") || method === "GET", 405],
    [path === "/echo", 404],
    [has("no-1.1-check") || version === "HTTP/1.1", 400],
    [has("no-host-check") || fields.host !== undefined, 400],
    [has("no-upgrade-check") || fold(fields.upgrade) === wish.upgrade, 400],
    [has("no-connection-check") || tokens.includes(wish.token), 400],
    [has("no-key-check") || Buffer.from(key ?? "", "base64").length === 16, 400],
    [has("no-version-check") || fields["sec-websocket-version"] === "13", 426],
    [!has("short-fields") || Object.values(fields).every((value) => value.length < 1000), 431],
  ];
  return rules.find(([kept]) => !kept)?.[1] ?? 101;
}

function answerOf(head: HttpHead, status: number, has: Has): string {
  if (status !== 101) {
    const version = status === 426 && !has("bare-426") ? "Sec-WebSocket-Version: 13\r\n" : "";
    return `HTTP/1.1 ${status} Refused\r\n${version}Content-Length: 0\r\nConnection: close\r\n\r\n`;
  }
  const key = has("wrong-accept") ? "AAAAAAAAAAAAAAAAAAAAAA==" : (head.fields["sec-websocket-key"] ?? "");
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    ...(has("no-upgrade-answer") ? [] : ["Upgrade: websocket"]),
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptFor(key)}`,
    ...(has("names-protocol") ? ["Sec-WebSocket-Protocol: chat"] : []),
    ...(has("names-extension") ? ["Sec-WebSocket-Extensions: permessage-deflate"] : []),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const reservedCodes = (code: number) =>
  code < 1000 || code >= 5000 || (code >= 1012 && code < 3000) || [1004, 1005, 1006].includes(code);

/** The code that a close is answered with. */
function closeAnswer(payload: Uint8Array, has: Has): number | undefined {
  if (has("close-always-1001")) return 1001;
  if (payload.length === 0) return undefined;
  if (payload.length === 1) return has("close-byte") ? undefined : 1002;
  const code = closeCode(payload);
  if (reservedCodes(code) && !has("close-code-unchecked")) return 1002;
  if (code >= 3000 && has("close-few-codes")) return 1002;
  if (payload.length > 102 && has("close-short-reason")) return 1002;
  if (!has("close-reason-unchecked") && !isUtf8(payload.subarray(2))) return 1007;
  return code;
}

export function startWebsocketMutant(options: { host: string; port: number; fault: string }): Running {
  const { host, port, fault } = options;
  const has: Has = (name) => fault === name;

  function write(socket: Socket<WsConnection>, first: number, payload: Uint8Array): void {
    if (has("silent") || (socket.data.closing && !has("answers-after-close"))) return;
    send(socket.data.outbox, socket, encode(first, payload));
  }

  function encode(first: number, payload: Uint8Array): Uint8Array {
    if (!has("long-lengths")) return encodeFrame(first, payload, has("masks") ? 77 : undefined);
    const length = Buffer.alloc(10);
    length.set([first, 127]);
    length.writeBigUInt64BE(BigInt(payload.length), 2);
    return Buffer.concat([length, payload]);
  }

  function end(socket: Socket<WsConnection>): void {
    socket.data.closing = true;
    if (has("close-resets")) socket.terminate();
    else if (has("answers-after-close")) setTimeout(() => socket.shutdown(), 30);
    else if (!has("close-stays")) socket.shutdown();
  }

  /** Fails the connection (RFC 6455 7.1.7). */
  function fail(socket: Socket<WsConnection>, code: number): void {
    if (socket.data.closing) return;
    if (!has("fails-silently"))
      write(socket, FIN | opcodes.close, closePayload(has("fails-with-1011") ? 1011 : code));
    socket.data.closing = true;
    if (!has("fails-open")) socket.shutdown();
  }

  /** The code that the frame's header fails the connection with; 0 for none. */
  function faultOf(header: FrameHeader, data: WsConnection): number {
    const { first, masked, mask, payloadBytes } = header;
    const opcode = opcodeOf(first);
    const control = isControl(first);
    const known = [0, 1, 2, 8, 9, 10].includes(opcode);
    const shortest = headerBytes(payloadBytes, masked);
    const started = data.opcode !== 0;
    const rules: [broken: boolean, leftOut: WebsocketFault][] = [
      [!masked, "takes-unmasked"],
      [reservedBits(first) !== 0, "takes-reserved-bits"],
      [!known, "takes-reserved-opcodes"],
      [control && !isFinal(first), "takes-cut-control"],
      [control && payloadBytes > 125, "takes-long-control"],
      [header.headerBytes !== shortest, "takes-long-forms"],
      [opcode === 0 && !started, "takes-orphans"],
      [(opcode === 1 || opcode === 2) && started, "takes-new-in-old"],
    ];
    if (has("no-zero-mask") && masked && mask === 0) return 1002;
    if (has("up-to-125") && payloadBytes > 125) return 1009;
    if (has("few-fragments") && data.parts.length > 50) return 1009;
    return rules.some(([broken, leftOut]) => broken && !has(leftOut) && !has("no-fragments")) ||
      (has("no-fragments") && rules.slice(0, 6).some(([broken]) => broken))
      ? 1002
      : 0;
  }

  function control(socket: Socket<WsConnection>, opcode: number, payload: Buffer): void {
    const { data } = socket;
    if (opcode === opcodes.close) {
      const code = closeAnswer(payload, has);
      if (!has("no-close-answer")) write(socket, FIN | opcodes.close, closePayload(code));
      end(socket);
    } else if (opcode === opcodes.pong) {
      if (has("closes-at-pong")) fail(socket, 1002);
    } else if (has("pings-are-text") && data.opcode !== 0) data.parts.push(payload);
    else if (has("late-pong") && data.opcode !== 0) data.pings.push(payload);
    else pong(socket, payload);
  }

  function pong(socket: Socket<WsConnection>, payload: Buffer): void {
    if (has("no-pong")) return;
    const answer = has("empty-pong")
      ? Buffer.alloc(0)
      : has("text-pong")
        ? Buffer.from(payload.toString())
        : payload;
    write(socket, FIN | opcodes.pong, answer);
  }

  function part(socket: Socket<WsConnection>, first: number, payload: Buffer): void {
    const { data } = socket;
    const opcode = opcodeOf(first);
    if (has("echoes-fragments") && !(isFinal(first) && data.opcode === 0)) {
      write(socket, first, payload);
      data.opcode = isFinal(first) ? 0 : opcode || data.opcode;
      return;
    }
    if (opcode !== 0) {
      data.opcode = opcode;
      data.parts = [];
    }
    if (has("last-fragment")) data.parts = [];
    data.parts.push(payload);
    if (has("utf8-by-fragment") && data.opcode === opcodes.text && !isUtf8(payload))
      return void fail(socket, 1007);
    if (isFinal(first) || has("no-fragments")) finish(socket, data.opcode || opcodes.text);
  }

  function finish(socket: Socket<WsConnection>, opcode: number): void {
    const { data } = socket;
    let whole: Buffer = Buffer.concat(data.parts);
    const type = has("type-of-last") && data.parts.length > 1 ? opcodes.text : opcode;
    data.parts = [];
    data.opcode = 0;
    const checked = (opcode === opcodes.text && !has("no-utf8-check")) || has("utf8-in-binary");
    if (checked && !isUtf8(whole)) return void fail(socket, 1007);
    if (opcode === opcodes.text && has("strips-bom")) whole = Buffer.from(new TextDecoder().decode(whole));
    if (opcode === opcodes.text && has("latin")) whole = Buffer.from(whole.toString("latin1"));
    write(socket, FIN | type, whole);
    for (const ping of data.pings.splice(0)) pong(socket, ping);
  }

  function frame(socket: Socket<WsConnection>, header: FrameHeader, payload: Buffer): void {
    const { data } = socket;
    if (data.closing && !has("answers-after-close")) return;
    const code = faultOf(header, data);
    if (code !== 0) return void fail(socket, code);
    const opcode = opcodeOf(header.first);
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return;
    if (isControl(header.first)) control(socket, opcode, payload);
    else part(socket, header.first, payload);
  }

  function receiveFrames(socket: Socket<WsConnection>, bytes: Buffer): void {
    const { data } = socket;
    let taken = 0;
    if (has("one-read-frame")) data.frames = createFrameBuffer();
    const limit = has("length-16") ? 65_535 : has("ignores-length") ? Number.MAX_VALUE : 32e6;
    const ok = splitFrames(data.frames, Buffer.from(bytes), limit, (header, bytes, from, to) => {
      if (has("one-frame-a-read") && taken++ > 0) return;
      const payload = Buffer.from(bytes.subarray(from, to));
      if (has("first-mask")) remask(data, header, payload);
      frame(socket, header, payload);
    });
    if (!ok) fail(socket, 1009);
  }

  function remask(data: WsConnection, header: FrameHeader, payload: Buffer): void {
    data.firstMask ??= header.mask;
    const difference = header.mask ^ data.firstMask;
    for (let i = 0; i < payload.length; i++) payload[i] ^= (difference >>> ((i % 4) * 8)) & 255;
  }

  function receive(socket: Socket<WsConnection>, bytes: Buffer): void {
    const { data } = socket;
    if (data.open) {
      receiveFrames(socket, bytes);
      return;
    }
    data.head = has("one-read-head") ? bytes : Buffer.concat([data.head, bytes]);
    if (has("echoes-bare-frames") && bytes[0] === 0x81) {
      receiveFrames(socket, bytes);
      return;
    }
    const head = readHead(data.head);
    if (!head) return;
    // Exact names: only the usual spelling is known, so that others are as good as absent.
    const usual =
      has("exact-names") && !data.head.includes("Sec-WebSocket-Key") ? { ...head, fields: {} } : head;
    const status = judge(usual, has);
    send(data.outbox, socket, Buffer.from(answerOf(usual, status, has)));
    if (status !== 101) {
      socket.shutdown();
      return;
    }
    data.open = true;
    if (data.head.length > head.end) receiveFrames(socket, data.head.subarray(head.end));
  }

  const listener = Bun.listen<WsConnection>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = newConnection(has("keeps-everything") ? 1e9 : 64e6);
      },
      data: receive,
      drain(socket) {
        flush(socket.data.outbox, socket);
        if (socket.data.closing && pending(socket.data.outbox) === 0) socket.shutdown();
      },
      end: (socket) => void (has("fin-stays") || socket.shutdown()),
    },
  });
  return { url: urlOf("ws", host, listener.port, "/echo"), stop: () => listener.stop(true) };
}

export const websocketMutant: ServerSpec = {
  summary: "WebSocket echo by hand with one fault",
  protocol: () => "echo over WebSocket",
  port: () => 5657,
  options: (program) =>
    program.addOption(
      program
        .createOption("--fault <name>", "what is wrong")
        .choices(Object.keys(websocketFaults))
        .default("none"),
    ),
  start: ({ host, port, fault }) => startWebsocketMutant({ host, port, fault: String(fault) }),
};

if (import.meta.main) await standalone(websocketMutant);
