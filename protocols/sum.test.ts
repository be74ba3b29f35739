import { expect, test } from "bun:test";
import { answer, edgeOperands, expectedReply, request } from "./sum.ts";

test.each(edgeOperands.map(([a, b]) => [a, b] as const))("%p + %p is exact", (a, b) => {
  expect(answer(request(a, b))).toEqual({ text: expectedReply(a, b)!, ok: true });
});

test("a request is any JSON of the form: white space and the order of members do not count", () => {
  expect(answer(' { "B" : 4 , "A" : 7 } ').text).toBe('{"Sum":11}');
  expect(answer('{"A":-0,"B":0}').text).toBe('{"Sum":0}');
});

const max = 2n ** 63n - 1n;
test.each([
  ["a sum past the largest 64-bit integer", request(max, 1n)],
  ["a sum past the smallest", request(-(2n ** 63n), -1n)],
  ["an operand out of range, though the sum is in it", request(2n ** 63n, -1n)],
  ["what is no JSON", '{"A":7,"B":4'],
  ["nothing", ""],
  ["an array", "[7,4]"],
  ["a bare number", "7"],
  ["null", "null"],
  ["a missing operand", '{"A":7}'],
  ["a fraction", '{"A":7.5,"B":4}'],
  ["an exponent", '{"A":1e3,"B":4}'],
  ["an operand in quotes", '{"A":"7","B":4}'],
  ["an operand that is an object", '{"A":{},"B":4}'],
  ["a member that is none of the request", '{"A":7,"B":4,"C":1}'],
  ["an Id where none is asked for", '{"A":7,"B":4,"Id":1}'],
  ["257 bytes", `{"A":7,"B":4${" ".repeat(244)}}`],
])("%s is refused with a reason, never answered with a zero", (_, text) => {
  const reply = answer(text);
  expect(reply.ok).toBe(false);
  expect(JSON.parse(reply.text)).toEqual({ Error: expect.any(String) });
});

test("256 bytes are a request", () => {
  expect(answer(`{"A":7,"B":4${" ".repeat(243)}}`).text).toBe('{"Sum":11}');
});

test.each(["7", "9007199254740993", '"a\\u00e9"', "true", "null", "1.50"])(
  "Id %s is echoed as it was written",
  (id) => {
    expect(answer(`{"A":1,"B":2,"Id":${id}}`, true).text).toBe(`{"Sum":3,"Id":${id}}`);
    expect(JSON.parse(answer(`{"A":1.5,"B":2,"Id":${id}}`, true).text)).toEqual({
      Error: expect.any(String),
      Id: JSON.parse(id),
    });
  },
);
