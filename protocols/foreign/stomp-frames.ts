/** Frames of STOMP 1.2 (stomp.github.io), for its definition and for our small broker. */
import type { Unit } from "../definition.ts";

const LINE_END = 10;
const MAX_HEADER_BYTES = 16_384;
/** Longest frame that our broker takes. */
export const MAX_FRAME_BYTES = 262_144;

/** A frame ends with NUL behind its body; line ends between frames are heartbeats, each a unit of its own. */
export function frameEnd(bytes: Unit): number | undefined {
  if (bytes[0] === LINE_END) return 1;
  const body = bodyAt(bytes);
  if (body === undefined) return undefined;
  const length = /\ncontent-length:(\d{1,9})\r?\n/.exec(bytes.toString("latin1", 0, body));
  if (length) return body + Number(length[1]) + 1;
  const end = bytes.indexOf(0, body);
  return end < 0 ? undefined : end + 1;
}

/** Where the body begins: behind the first empty line. */
export function bodyAt(bytes: Unit): number | undefined {
  const header = bytes.subarray(0, MAX_HEADER_BYTES);
  const ends = ["\n\n", "\n\r\n"].flatMap((end) => {
    const at = header.indexOf(end);
    return at < 0 ? [] : [at + end.length];
  });
  if (ends.length === 0 && bytes.length >= MAX_HEADER_BYTES)
    throw new Error("a frame with a header without an end");
  return ends.length > 0 ? Math.min(...ends) : undefined;
}

export const isHeartbeat = (unit: Unit): boolean => unit[0] === LINE_END;

export type StompFrame = { command: string; headers: Record<string, string>; body: Unit };

/** A whole frame; of a header that comes twice the first one counts. */
export function readFrame(bytes: Unit): StompFrame {
  const body = bodyAt(bytes) ?? 0;
  const [command, ...lines] = bytes.toString("utf8", 0, body).trimEnd().split(/\r?\n/);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon)] ??= line.slice(colon + 1);
  }
  return { command, headers, body: bytes.subarray(body, bytes.length - 1) };
}

/** What stands before a body. */
export const frameHead = (command: string, headers: Record<string, string | number>): string =>
  `${[command, ...Object.entries(headers).map(([name, value]) => `${name}:${value}`)].join("\n")}\n\n`;

export const writeFrame = (
  command: string,
  headers: Record<string, string | number>,
  body: Uint8Array = new Uint8Array(0),
): Buffer => Buffer.concat([Buffer.from(frameHead(command, headers)), body, Buffer.of(0)]);
