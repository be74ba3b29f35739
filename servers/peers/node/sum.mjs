// The request and the reply that the three sum protocols share. Integers stay integers: nothing passes through a float.
import { isUtf8 } from "node:buffer";

export const MAX_REQUEST = 256;

export const errors = {
  tooLong: "the request is over 256 bytes",
  cutShort: "the request is cut short",
  request: 'the request is not an object such as {"A":7,"B":4}',
  operand: "A and B must be 64-bit integers",
  sum: "the sum is outside the 64-bit integers",
};

// One member of the object: a name, a scalar and what follows it; the grammar is RFC 8259's. JSON.parse would do for all
// but the numbers, which it rounds.
const MEMBER =
  /[ \t\r\n]*("(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)[ \t\r\n]*(,|\}[ \t\r\n]*$)/y;
const START = /^[ \t\r\n]*\{/;
const INTEGER = /^-?\d+$/;
const NAMES = new Set(["A", "B", "Id"]);

/** The members as they were written, or undefined if this is not one object of A, B and perhaps Id, each once. */
function members(text) {
  const start = START.exec(text);
  if (start === null) return undefined;
  const found = new Map();
  MEMBER.lastIndex = start[0].length;
  for (;;) {
    const member = MEMBER.exec(text);
    if (member === null) return undefined;
    const [, quoted, value, after] = member;
    const name = JSON.parse(quoted);
    if (!NAMES.has(name) || found.has(name)) return undefined;
    found.set(name, value);
    if (after !== ",") return found.has("A") && found.has("B") ? found : undefined;
  }
}

function int64(text) {
  if (!INTEGER.test(text)) return undefined;
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** The reply to one request, without a line end; `ok` when it is a sum. */
export function answer(request, withId = false) {
  if (request.length > MAX_REQUEST) return failed(errors.tooLong);
  const found = isUtf8(request) ? members(request.toString()) : undefined;
  if (found === undefined) return failed(errors.request);
  const id = withId && found.has("Id") ? `,"Id":${found.get("Id")}` : "";
  const a = int64(found.get("A"));
  const b = int64(found.get("B"));
  if (a === undefined || b === undefined) return failed(errors.operand, id);
  const sum = a + b;
  if (BigInt.asIntN(64, sum) !== sum) return failed(errors.sum, id);
  return { ok: true, reply: `{"Sum":${sum}${id}}` };
}

export function failed(why, id = "") {
  return { ok: false, reply: `{"Error":${JSON.stringify(why)}${id}}` };
}
