/**
 * Requests and the correct replies, the same over every transport: a transport defines how to send a request, and
 * these rules are its cases of sections 1 and 2, under its own ids.
 */
import { edgeOperands, expectedReply, request } from "../../protocols/sum.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { Violation } from "../violation.ts";
import { show } from "../wire-log.ts";

/** Sends a request and returns the text of the reply, without its newline. */
export type RequestClient = (request: string) => Promise<string>;
export type Transport = {
  slug: string;
  open: (t: Context) => Promise<RequestClient>;
  afterError: Case["ends"];
};

export type SumRule = Omit<Case, "id" | "source" | "run"> & {
  number: string;
  /** The connection may be closed after it, where the transport has one. */
  refuses?: true;
  run: (ask: RequestClient) => Promise<void>;
};

/** More than any correct reply has: a longer one is not parsed, so that no pattern runs over an endless one. */
const MAX_REPLY_CHARACTERS = 1000;

/** The reply is an object with this sum and nothing more, compared by its digits: JSON.parse would round. */
export function isSum(reply: string, sum: bigint, id?: string): boolean {
  if (reply.length > MAX_REPLY_CHARACTERS) return false;
  const members = /^\s*\{\s*"Sum"\s*:\s*(-?\d+)\s*(?:,\s*"Id"\s*:\s*(.+?)\s*)?\}\s*$/.exec(reply);
  return members?.[1] === String(sum) && members[2] === id;
}

async function gives(ask: RequestClient, text: string, sum: bigint): Promise<void> {
  const reply = await ask(text);
  if (!isSum(reply, sum))
    throw new Violation(`${show(text)} is answered {"Sum":${sum}}`, `received ${show(reply)}`);
}

const sums = async (ask: RequestClient, a: bigint, b: bigint) => gives(ask, request(a, b), a + b);

/** The reply is an object with a reason as its Error and nothing more. */
export const isError = (reply: string): boolean =>
  reply.length <= MAX_REPLY_CHARACTERS && /^\s*\{\s*"Error"\s*:\s*"(?:[^"\\]|\\.)+"\s*\}\s*$/.test(reply);

async function refuses(ask: RequestClient, text: string): Promise<void> {
  const reply = await ask(text);
  if (!isError(reply))
    throw new Violation(`${show(text)} is answered {"Error":"<why>"}`, `received ${show(reply)}`);
}

const adds = (number: string, title: string, requirement: string, pairs: [bigint, bigint][]): SumRule => ({
  number,
  title,
  requirement,
  level: "MUST",
  async run(ask) {
    for (const [a, b] of pairs) await sums(ask, a, b);
  },
});

const refusal = (
  number: string,
  title: string,
  text: string,
  why: string,
  level: Case["level"] = "MUST",
): SumRule => ({
  number,
  title,
  requirement: `${why} ${level} be answered with an Error.`,
  level,
  refuses: true,
  run: (ask) => refuses(ask, text),
});

const MAX = 2n ** 63n - 1n;

export const requests: SumRule[] = [
  adds("1.1", "7 and 4", "A request MUST be answered with the sum of A and B.", [[7n, 4n]]),
  adds("1.2", "negative numbers and zero", "Negative numbers and zero MUST be added correctly.", [
    [-7n, 4n],
    [7n, -7n],
    [0n, 0n],
    [-1n, -1n],
  ]),
  adds("1.3", "beyond 32 bits", "A sum beyond 32 bits MUST be exact.", [
    [2n ** 31n - 1n, 1n],
    [-(2n ** 31n), -1n],
    [2n ** 32n, 2n ** 32n],
  ]),
  adds(
    "1.4",
    "beyond 53 bits",
    "Operands and sums beyond 2^53 MUST be exact: a double is not precise enough.",
    [
      [2n ** 53n, 1n],
      [9_007_199_254_740_993n, 2n],
      [-(2n ** 53n), -1n],
    ],
  ),
  adds(
    "1.5",
    "both ends of the 64-bit range",
    "Sums MUST be exact up to both ends of the signed 64-bit range.",
    [
      [MAX, 0n],
      [-MAX, -1n],
      [MAX, -MAX - 1n],
      [MAX - 1n, 1n],
    ],
  ),
  {
    number: "1.6",
    title: "whitespace",
    requirement: "Whitespace where JSON allows it MUST NOT matter.",
    level: "MUST",
    run: (ask) => gives(ask, '{ "A" : 7 ,\n\t"B" : 4 }', 11n),
  },
  {
    number: "1.7",
    title: "B before A",
    requirement: "The order of the members MUST NOT matter.",
    level: "MUST",
    run: (ask) => gives(ask, '{"B":4,"A":7}', 11n),
  },
  {
    number: "1.8",
    title: "a request of exactly 256 bytes",
    requirement: "A request of 256 bytes MUST be answered.",
    level: "MUST",
    run: (ask) => gives(ask, `{"A":7,${" ".repeat(256 - 13)}"B":4}`, 11n),
  },
  {
    number: "1.9",
    title: "several requests in sequence",
    requirement: "Every request MUST be answered, not only the first one.",
    level: "MUST",
    async run(ask) {
      for (let i = 0n; i < 12n; i++) await sums(ask, i, 100n);
    },
  },
  {
    number: "1.10",
    title: "edge cases",
    requirement: "Every pair of operands at an edge of the range MUST give its exact sum.",
    level: "MUST",
    async run(ask) {
      for (const [a, b] of edgeOperands) if (expectedReply(a, b)) await sums(ask, a, b);
    },
  },
  refusal("2.1", "a sum that is too large", `{"A":${MAX},"B":1}`, "A sum above 2^63-1"),
  refusal("2.2", "a sum that is too small", `{"A":${-MAX - 1n},"B":-1}`, "A sum below -2^63"),
  refusal(
    "2.3",
    "an operand out of range",
    `{"A":${MAX + 1n},"B":-1}`,
    "An operand outside the 64-bit range",
  ),
  refusal("2.4", "a missing operand", '{"A":7}', "A request without B"),
  refusal("2.5", "a string operand", '{"A":"7","B":4}', "An operand that is a string"),
  refusal("2.6", "a fraction", '{"A":1.5,"B":4}', "An operand that is not an integer"),
  refusal("2.7", "null", '{"A":null,"B":4}', "An operand that is null"),
  refusal("2.8", "an empty object", "{}", "An object without operands"),
  refusal("2.9", "invalid JSON in braces", "{A:7,B:4}", "An object that is not valid JSON"),
  refusal(
    "2.10",
    "a request of 257 bytes",
    `{"A":7,${" ".repeat(257 - 13)}"B":4}`,
    "A request over 256 bytes",
  ),
  refusal("2.11", "an unknown member", '{"A":7,"B":4,"C":1}', "An unknown member", "SHOULD"),
];

/** The shared rules as cases of one transport. */
export function overTransport({ slug, open, afterError }: Transport): Case[] {
  return requests.map(({ number, run, refuses: ends, ...rest }) => ({
    ...rest,
    id: `${slug}/${number}`,
    source: `docs/protocols.md#${slug}`,
    ...(ends ? { ends: afterError ?? "open" } : {}),
    run: async (t) => run(await open(t)),
  }));
}
