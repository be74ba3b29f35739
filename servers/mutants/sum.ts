/** The faults of a sum server that do not depend on its transport, each as the reply that it gives. */
import { MAX_REQUEST_BYTES } from "../../protocols/sum.ts";

export const sumFaults = {
  none: "no fault",
  rounds: "operands are doubles, so that 2^53 + 1 is rounded",
  zero: "what is not JSON is answered with a sum of zero",
  unbounded: "a sum outside of the 64-bit range is answered as if there were no such range",
  "missing-is-zero": "a missing operand counts as zero",
  fractions: "operands that are no integers are added too",
  strings: "operands in quotes are added too",
  long: "a request over 256 bytes is answered",
  "limit-255": "a request of 256 bytes is refused",
  "in-order-only": "B before A is refused",
  "no-blanks-inside": "blanks inside of a request are refused",
  "any-members": "a member that nobody knows is passed over",
  "null-is-zero": "an operand that is null counts as zero",
  unsigned: "a negative operand loses its sign",
  "32-bits": "sums are taken modulo 2^32",
} as const;

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

const replies: Record<string, (request: string, numbers: Numbers | undefined) => string | undefined> = {
  rounds(_request, numbers) {
    const sum = Number(numbers?.A) + Number(numbers?.B);
    return typeof numbers?.A === "number" && typeof numbers.B === "number" && Number.isInteger(sum)
      ? `{"Sum":${BigInt(sum)}}`
      : undefined;
  },
  zero: (_request, numbers) => (numbers ? undefined : '{"Sum":0}'),
  "limit-255": (request) => (Buffer.byteLength(request) > 255 ? '{"Error":"too long"}' : undefined),
  "in-order-only": (request) => (/^\s*\{\s*"B"/.test(request) ? '{"Error":"A comes first"}' : undefined),
  "no-blanks-inside": (request) => (/\s/.test(request.trim()) ? '{"Error":"blanks"}' : undefined),
  "any-members": (request, numbers) =>
    request.includes('"C"') ? `{"Sum":${Number(numbers?.A) + Number(numbers?.B)}}` : undefined,
  "null-is-zero": (_request, numbers) => (numbers?.A === null ? `{"Sum":${Number(numbers.B)}}` : undefined),
  unsigned: (request) => bigSum(request.replaceAll("-", "")),
  "32-bits"(request) {
    const sum = /^\{"Sum":(-?\d+)\}$/.exec(bigSum(request) ?? "")?.[1];
    const inRange = sum && BigInt(sum) === BigInt.asIntN(64, BigInt(sum)) && !/\d{19}/.test(request);
    return inRange ? `{"Sum":${BigInt.asIntN(32, BigInt(sum))}}` : undefined;
  },
  unbounded: bigSum,
  "missing-is-zero": (_request, numbers) =>
    numbers && (numbers.A === undefined || numbers.B === undefined)
      ? `{"Sum":${Number(numbers.A ?? 0) + Number(numbers.B ?? 0)}}`
      : undefined,
  fractions: (_request, numbers) =>
    typeof numbers?.A === "number" &&
    typeof numbers.B === "number" &&
    !Number.isInteger(numbers.A + numbers.B)
      ? `{"Sum":${numbers.A + numbers.B}}`
      : undefined,
  strings: (_request, numbers) =>
    typeof numbers?.A === "string" ? `{"Sum":${Number(numbers.A) + Number(numbers.B)}}` : undefined,
  long: (request, numbers) =>
    Buffer.byteLength(request) > MAX_REQUEST_BYTES && numbers
      ? `{"Sum":${Number(numbers.A) + Number(numbers.B)}}`
      : undefined,
};

/** The reply that the fault makes of this request; undefined where it makes no difference. */
export function faultyAnswer(fault: string, request: string): string | undefined {
  return replies[fault]?.(request, parse(request));
}
