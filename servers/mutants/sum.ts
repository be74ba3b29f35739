/** The faults of a sum server that do not depend on its transport: each gives some requests another reply. */
import { MAX_REQUEST_BYTES, type SumReply } from "../../protocols/sum.ts";
import type { Fault, Faults } from "./fault.ts";

export type SumServer = {
  answer: (request: string) => SumReply;
  /** A longer request is not read to its end, where it could be endless. */
  requestBytes: number;
};

type Numbers = { A?: unknown; B?: unknown };

function parse(request: string): Numbers | undefined {
  try {
    const value: unknown = JSON.parse(request);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A range check that the fault does not have: 64 bits are what the sheet asks for. */
const bigSum = (request: string) => {
  const operands = /^\{"A":(-?\d+),"B":(-?\d+)\}$/.exec(request);
  return operands ? `{"Sum":${BigInt(operands[1]) + BigInt(operands[2])}}` : undefined;
};

/** The sum as doubles give it. */
const looseSum = (A: unknown, B: unknown) => `{"Sum":${Number(A) + Number(B)}}`;

/** Gives the reply that `faulty` makes of a request, or the right one where it makes none. */
const replying =
  (
    faulty: (request: string, numbers: Numbers | undefined) => string | undefined,
  ): Fault<SumServer>["change"] =>
  ({ answer }) => ({
    answer(request) {
      const text = faulty(request, parse(request));
      return text === undefined ? answer(request) : { text, ok: true };
    },
  });

export const sumFaults = {
  rounds: {
    words: "operands are doubles, so that 2^53 + 1 is rounded",
    fails: {
      "sum-tcp": "1.4 1.5 1.10 2.1-3 2.11",
      "sum-udp": "1.4 1.5 1.10 2.1-3 2.10 2.11 3.2-5 3.10",
      "sum-ws": "1.4 1.5 1.10 2.1-3 2.10 2.11",
    },
    change: replying((_request, numbers) => {
      const sum = Number(numbers?.A) + Number(numbers?.B);
      return typeof numbers?.A === "number" && typeof numbers.B === "number" && Number.isInteger(sum)
        ? `{"Sum":${BigInt(sum)}}`
        : undefined;
    }),
  },
  zero: {
    words: "what is not JSON is answered with a sum of zero",
    fails: { "sum-tcp": "2.9 3.9", "sum-udp": "2.9 3.7-9 3.11 3.12", "sum-ws": "2.9 3.4" },
    change: replying((_request, numbers) => (numbers ? undefined : '{"Sum":0}')),
  },
  unbounded: {
    words: "a sum outside of the 64-bit range is answered as if there were no such range",
    fails: { "sum-tcp": "2.1-3", "sum-udp": "2.1-3", "sum-ws": "2.1-3" },
    change: replying(bigSum),
  },
  "missing-is-zero": {
    words: "a missing operand counts as zero",
    fails: { "sum-tcp": "2.4 2.8", "sum-udp": "2.4 2.8", "sum-ws": "2.4 2.8" },
    change: replying((_request, numbers) =>
      numbers && (numbers.A === undefined || numbers.B === undefined)
        ? looseSum(numbers.A ?? 0, numbers.B ?? 0)
        : undefined,
    ),
  },
  fractions: {
    words: "operands that are no integers are added too",
    fails: { "sum-tcp": "2.6", "sum-udp": "2.6", "sum-ws": "2.6" },
    change: replying((_request, numbers) =>
      typeof numbers?.A === "number" &&
      typeof numbers.B === "number" &&
      !Number.isInteger(numbers.A + numbers.B)
        ? looseSum(numbers.A, numbers.B)
        : undefined,
    ),
  },
  strings: {
    words: "operands in quotes are added too",
    fails: { "sum-tcp": "2.5", "sum-udp": "2.5", "sum-ws": "2.5" },
    change: replying((_request, numbers) =>
      typeof numbers?.A === "string" ? looseSum(numbers.A, numbers.B) : undefined,
    ),
  },
  long: {
    words: "a request over 256 bytes is answered",
    fails: { "sum-tcp": "2.10 3.11", "sum-udp": "2.10 3.10", "sum-ws": "2.10" },
    change: (right) => ({
      requestBytes: 1e9,
      ...replying((request, numbers) =>
        Buffer.byteLength(request) > MAX_REQUEST_BYTES && numbers
          ? looseSum(numbers.A, numbers.B)
          : undefined,
      )(right),
    }),
  },
  "limit-255": {
    words: "a request of 256 bytes is refused",
    fails: { "sum-tcp": "1.8", "sum-udp": "1.8", "sum-ws": "1.8" },
    change: replying((request) => (Buffer.byteLength(request) > 255 ? '{"Error":"too long"}' : undefined)),
  },
  "in-order-only": {
    words: "B before A is refused",
    fails: { "sum-tcp": "1.7", "sum-udp": "1.7", "sum-ws": "1.7" },
    change: replying((request) => (/^\s*\{\s*"B"/.test(request) ? '{"Error":"A comes first"}' : undefined)),
  },
  "no-blanks-inside": {
    words: "blanks inside of a request are refused",
    fails: { "sum-tcp": "1.6 1.8", "sum-udp": "1.6 1.8", "sum-ws": "1.6 1.8" },
    change: replying((request) => (/\s/.test(request.trim()) ? '{"Error":"blanks"}' : undefined)),
  },
  "any-members": {
    words: "a member that nobody knows is passed over",
    fails: { "sum-tcp": "2.11", "sum-udp": "2.11", "sum-ws": "2.11" },
    change: replying((request, numbers) =>
      request.includes('"C"') ? looseSum(numbers?.A, numbers?.B) : undefined,
    ),
  },
  "null-is-zero": {
    words: "an operand that is null counts as zero",
    fails: { "sum-tcp": "2.7", "sum-udp": "2.7", "sum-ws": "2.7" },
    change: replying((_request, numbers) => (numbers?.A === null ? looseSum(0, numbers.B) : undefined)),
  },
  unsigned: {
    words: "a negative operand loses its sign",
    fails: { "sum-tcp": "1.2-5 1.10 2.1-3 3.4", "sum-udp": "1.2-5 1.10 2.1-3", "sum-ws": "1.2-5 1.10 2.1-3" },
    change: replying((request) => bigSum(request.replaceAll("-", ""))),
  },
  "32-bits": {
    words: "sums are taken modulo 2^32",
    fails: { "sum-tcp": "1.3 1.4 1.10", "sum-udp": "1.3 1.4 1.10", "sum-ws": "1.3 1.4 1.10" },
    change: replying((request) => {
      const sum = /^\{"Sum":(-?\d+)\}$/.exec(bigSum(request) ?? "")?.[1];
      const inRange = sum && BigInt(sum) === BigInt.asIntN(64, BigInt(sum)) && !/\d{19}/.test(request);
      return inRange ? `{"Sum":${BigInt.asIntN(32, BigInt(sum))}}` : undefined;
    }),
  },
} as const satisfies Faults<SumServer>;
