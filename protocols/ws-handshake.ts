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

const METHOD = /^[!#$%&'*+.^_`|~\w-]+$/;
const VERSION = /^HTTP\/(\d\.\d)$/i;
const FIELD_LINE = /^[!#$%&'*+.^_`|~\w-]+:[^\0\r\n]*$/;

const badRequest = answer(400, "this is no HTTP request");

/** Method, target and version stand between two blanks (RFC 9112 3); undefined where they do not. */
function readRequestLine(line: string): { method: string; path: string; version: string } | undefined {
  const first = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  const target = line.slice(first + 1, last);
  const method = line.slice(0, Math.max(first, 0));
  const version = VERSION.exec(line.slice(last + 1))?.[1];
  if (!METHOD.test(method) || target === "" || target.includes(" ") || version === undefined)
    return undefined;
  return { method, path: pathOf(target), version };
}

/** The path of a request's target, which may have a scheme and a host before it (RFC 9112 3.2) and a query behind. */
function pathOf(target: string): string {
  const scheme = target.indexOf("://");
  const absolute = scheme > 0 && /^[a-z]+$/i.test(target.slice(0, scheme));
  const rest = absolute ? target.slice(scheme + 3) : target;
  const from = absolute ? firstOf(rest, /[/?#]/) : 0;
  const path = rest.slice(from);
  return path.slice(0, firstOf(path, /[?#]/)) || "/";
}

/** Where the first such character stands, or the end. */
const firstOf = (text: string, character: RegExp) => {
  const at = text.search(character);
  return at < 0 ? text.length : at;
};

/**
 * Reads a request's head: the request, the answer to what is none, or undefined while it has not all come. The first
 * `looked` bytes were there already when it was read before.
 */
export function readRequest(bytes: Uint8Array, looked = 0): HttpRequest | HttpAnswer | undefined {
  const head = readHead(bytes, looked);
  // What no method begins with is no HTTP, such as TLS or a frame: it is not waited for.
  if (!head && bytes.length > 0 && !/\w/.test(String.fromCharCode(bytes[0]))) return badRequest;
  if ((head?.end ?? bytes.length) > MAX_HEAD_BYTES)
    return answer(431, `a head has at most ${MAX_HEAD_BYTES} bytes`);
  if (!head) return undefined;
  const line = readRequestLine(head.firstLine);
  if (line === undefined || !head.lines.every((line) => FIELD_LINE.test(line))) return badRequest;
  const { method, path, version } = line;
  if (version !== "1.1" && version !== "1.0") return answer(505, "HTTP/1.1");
  const { host } = head.fields;
  // RFC 9112 3.2: without it, or with several, it is no request.
  if (version === "1.1" && (host === undefined || /[\s,]/.test(host))) return badRequest;
  return { method, path, version, fields: head.fields, end: head.end };
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
