/**
 * The sum protocol, over any transport: request `{"A":7,"B":4}`, reply `{"Sum":11}`, exact for every 64-bit
 * signed integer. Whoever rounds at 2^53 or answers bad JSON with a zero has one of its classic faults.
 */

/** Most bytes of one request. */
export const MAX_REQUEST_BYTES = 256;
export const SUM_PORT = 5656;
export const SUM_WS_PORT = 5657;

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const INTEGER = /^-?(?:0|[1-9]\d*)$/;
/** The tutorial clients' own form, and small enough that a double is exact: no parser, no BigInt. */
const PLAIN = /^\{"A":(-?[1-9]\d{0,14}|0),"B":(-?[1-9]\d{0,14}|0)\}$/;

const errorReply = (why: string) => JSON.stringify({ Error: why });

/** Whether a datagram is an error reply: one of those is never answered. */
export const isErrorReply = (text: string): boolean => text.startsWith('{"Error":');

/** A reply, and whether the request was good. Without `\n`, which belongs to the stream transports. */
export type SumReply = { text: string; ok: boolean };

const refuse = (why: string): SumReply => ({ text: errorReply(why), ok: false });

/** Answers one request. With `echoId` an `"Id"` member of the request stands in the reply, as it came. */
export function answer(request: string, echoId = false): SumReply {
  const plain = PLAIN.exec(request);
  if (plain) return { text: `{"Sum":${Number(plain[1]) + Number(plain[2])}}`, ok: true };
  if (Buffer.byteLength(request) > MAX_REQUEST_BYTES) return refuse(TOO_LONG);
  let value: unknown;
  try {
    value = parseToTokens(request, (_key, value, { source }) => (source ? new Token(source) : value));
  } catch {
    return refuse("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Token)
    return refuse("not a JSON object");
  const { A, B, Id, ...others } = value as Record<string, unknown>;
  const unknown = Object.keys(others)[0] ?? (Id !== undefined && !echoId ? "Id" : undefined);
  if (unknown !== undefined) return refuse(`unknown member ${unknown}`);
  if (Id === undefined) return sum(A, B);
  if (!(Id instanceof Token)) return refuse("Id must be a number, a string, true, false or null");
  const { text, ok } = sum(A, B);
  return { text: `${text.slice(0, -1)},"Id":${Id.source}}`, ok };
}

/** A number, string or literal as it stands in the source, so that none is rounded or written otherwise. */
class Token {
  constructor(readonly source: string) {}
}

/** JSON.parse with the source text access that Bun has and TypeScript's library does not know yet. */
const parseToTokens = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

function sum(A: unknown, B: unknown): SumReply {
  if (!(A instanceof Token && INTEGER.test(A.source) && B instanceof Token && INTEGER.test(B.source)))
    return refuse("A and B must be integers");
  const [a, b] = [BigInt(A.source), BigInt(B.source)];
  if ([a, b, a + b].some((value) => value < MIN || value > MAX)) return refuse("out of the 64-bit range");
  return { text: `{"Sum":${a + b}}`, ok: true };
}

const TOO_LONG = `request of more than ${MAX_REQUEST_BYTES} bytes`;
export const tooLongReply = errorReply(TOO_LONG);
export const notAnObjectReply = errorReply("not a JSON object");
export const notTextReply = errorReply("a request is a text message");

/** A request as our clients send it. */
export function request(a: bigint, b: bigint, id?: number): string {
  return `{"A":${a},"B":${b}${id === undefined ? "" : `,"Id":${id}`}}`;
}

/** The reply that a right server gives to `request(a, b, id)`; undefined for a sum out of range. */
export function expectedReply(a: bigint, b: bigint, id?: number): string | undefined {
  const sum = a + b;
  if (sum < MIN || sum > MAX) return undefined;
  return `{"Sum":${sum}${id === undefined ? "" : `,"Id":${id}`}}`;
}

/** Operands at the edges where implementations go wrong: zero, signs, 2^31, 2^53, 2^63. */
export const edgeOperands: readonly (readonly [bigint, bigint])[] = [
  [0n, 0n],
  [-1n, 1n],
  [-7n, -4n],
  [2n ** 31n - 1n, 1n],
  [-(2n ** 31n), -1n],
  [2n ** 53n, 1n],
  [-(2n ** 53n), -1n],
  [9_007_199_254_740_993n, 2n],
  [MAX, 0n],
  [MIN, 0n],
  [MAX, MIN],
  [MAX - 1n, 1n],
  [MIN + 1n, -1n],
];
