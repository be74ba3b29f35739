/**
 * The server's half of the opening handshake (RFC 6455 4.2), and the plain HTTP answers beside it. Every answer but
 * 101 ends its connection: there are no bodies to skip, no pipelines, and nothing to smuggle. No socket, no clock.
 */
import { acceptFor, readHead } from "./websocket.ts";

/** Most bytes of a request's head. */
export const MAX_HEAD_BYTES = 16_384;

export type HttpRequest = {
  method: string;
  /** Without query. */
  path: string;
  /** 1.0 or 1.1. */
  version: string;
  fields: Record<string, string>;
  /** Where what follows the head begins. */
  end: number;
};

export type HttpAnswer = {
  status: keyof typeof statusTexts;
  fields?: Record<string, string>;
  body?: Uint8Array | string;
};

const statusTexts = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  505: "HTTP Version Not Supported",
} as const;

export const answer = (
  status: HttpAnswer["status"],
  text: string,
  fields: Record<string, string> = {},
): HttpAnswer => ({
  status,
  fields: { ...fields, "Content-Type": "text/plain;charset=utf-8" },
  body: `${text}\n`,
});

const REQUEST_LINE = /^([!#$%&'*+.^_`|~\w-]+) (?:[a-z]+:\/\/[^/?# ]*)?([^?# ]*)[^ ]* HTTP\/(\d\.\d)$/i;
const FIELD_LINE = /^[!#$%&'*+.^_`|~\w-]+:[^\0\r\n]*$/;

const badRequest = answer(400, "this is no HTTP request");

/** Reads a request's head: the request, the answer to what is none, or undefined while it has not all come. */
export function readRequest(bytes: Uint8Array): HttpRequest | HttpAnswer | undefined {
  const head = readHead(bytes);
  // What no method begins with is no HTTP, such as TLS or a frame: it is not waited for.
  if (!head && bytes.length > 0 && !/\w/.test(String.fromCharCode(bytes[0]))) return badRequest;
  if ((head?.end ?? bytes.length) > MAX_HEAD_BYTES)
    return answer(431, `a head has at most ${MAX_HEAD_BYTES} bytes`);
  if (!head) return undefined;
  const [, method, path = "", version] = REQUEST_LINE.exec(head.firstLine) ?? [];
  if (method === undefined || !head.lines.every((line) => FIELD_LINE.test(line))) return badRequest;
  if (version !== "1.1" && version !== "1.0") return answer(505, "HTTP/1.1");
  const { host } = head.fields;
  // RFC 9112 3.2: without it, or with several, it is no request.
  if (version === "1.1" && (host === undefined || /[\s,]/.test(host))) return badRequest;
  return { method, path: path || "/", version, fields: head.fields, end: head.end };
}

const hasToken = (field: string | undefined, token: string): boolean =>
  (field ?? "").split(",").some((name) => name.trim().toLowerCase() === token);

/** The answer to a request for a WebSocket: the bytes that accept it, or why it is none. */
export function answerHandshake({ method, version, fields }: HttpRequest): Uint8Array | HttpAnswer {
  const asks = hasToken(fields.connection, "upgrade") && hasToken(fields.upgrade, "websocket");
  if (method !== "GET" || version !== "1.1" || !asks)
    return answer(426, "this path speaks WebSocket", { Upgrade: "websocket" });
  if (fields["sec-websocket-version"] !== "13")
    return answer(426, "WebSocket of version 13", { Upgrade: "websocket", "Sec-WebSocket-Version": "13" });
  const key = fields["sec-websocket-key"] ?? "";
  // 16 bytes in Base64 (RFC 6455 4.1).
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) return answer(400, "a Sec-WebSocket-Key of 16 bytes is missing");
  return Buffer.from(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`,
  );
}

/** Whether a browser's page of another host asks; programs name no origin. `*` among those allowed stands for any. */
export function isForeign({ origin, host }: Record<string, string>, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes("*") || allowed.includes(origin)) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}

/** An answer as bytes; to HEAD it has no body. */
export function encodeAnswer({ status, fields = {}, body = "" }: HttpAnswer, method: string): Uint8Array {
  const bytes = Buffer.from(body as Uint8Array);
  const lines = Object.entries({
    ...fields,
    Date: new Date().toUTCString(),
    "Content-Length": String(bytes.length),
    Connection: "Upgrade" in fields ? "Upgrade, close" : "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`HTTP/1.1 ${status} ${statusTexts[status]}\r\n${lines.join("")}\r\n`);
  return method === "HEAD" ? head : Buffer.concat([head, bytes]);
}
