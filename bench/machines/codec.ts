/**
 * What bench and fleets say to each other, as bytes: JSON with its typed arrays behind it, as they are. Nothing in it is
 * code, names a class or is looked up; what is not of this form is refused.
 *
 * uint32 length of the JSON, the JSON (UTF-8), then the arrays' bytes, each at a multiple of 8. Little-endian throughout.
 */

const kinds = { Uint8Array, Uint16Array, Int32Array, Float64Array };
type Kind = keyof typeof kinds;
type Numbers = Uint8Array | Uint16Array | Int32Array | Float64Array;

/** What stands in the JSON for something that it has not: `{"$": [what, …]}`. */
const MARK = "$";

const aligned = (length: number) => (length + 7) & ~7;
const isNumbers = (value: unknown): value is Numbers =>
  Object.values(kinds).some((kind) => value instanceof kind);

export function encode(value: unknown): Uint8Array {
  const arrays: Numbers[] = [];
  let bytes = 0;
  const text = JSON.stringify(value, (_, one: unknown) => {
    if (one instanceof Map) return { [MARK]: ["Map", [...one]] };
    if (typeof one === "number" && !Number.isFinite(one)) return { [MARK]: ["Number", String(one)] };
    if (!isNumbers(one)) return one;
    const at = bytes;
    arrays.push(one);
    bytes += aligned(one.byteLength);
    return { [MARK]: [kindOf(one), at, one.length] };
  });
  const json = Buffer.from(text);
  const start = aligned(4 + json.length);
  const out = new Uint8Array(start + bytes);
  new DataView(out.buffer).setUint32(0, json.length, true);
  out.set(json, 4);
  let at = start;
  for (const array of arrays) {
    out.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += aligned(array.byteLength);
  }
  return out;
}

const kindOf = (array: Numbers): Kind =>
  (Object.keys(kinds) as Kind[]).find((kind) => array instanceof kinds[kind]) ?? "Uint8Array";

/** Throws what is wrong with bytes that `encode` has not made. */
export function decode(bytes: Uint8Array): unknown {
  if (bytes.length < 4) throw new Error("a message of fewer than 4 bytes");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (4 + length > bytes.length) throw new Error("a message that ends in its head");
  // A copy of its own, so that arrays begin where arrays of 8 bytes may.
  const behind = bytes.slice(Math.min(bytes.length, aligned(4 + length)));
  return JSON.parse(Buffer.from(bytes.subarray(4, 4 + length)).toString(), (_, one: unknown) =>
    typeof one === "object" && one !== null && MARK in one ? revive(one[MARK], behind) : one,
  );
}

function revive(marked: unknown, behind: Uint8Array): unknown {
  if (!Array.isArray(marked)) throw new Error("a mark without a list");
  const [what, first, second] = marked as [unknown, unknown, unknown];
  if (what === "Map" && Array.isArray(first)) return new Map(first as [unknown, unknown][]);
  if (what === "Number" && typeof first === "string") return Number(first);
  const kind = Object.entries(kinds).find(([name]) => name === what)?.[1];
  const [at, length] = [Number(first), Number(second)];
  const whole = [at, length].every((one) => Number.isSafeInteger(one) && one >= 0) && at % 8 === 0;
  if (!kind || !whole || at + length * kind.BYTES_PER_ELEMENT > behind.length)
    throw new Error(`an array that is not there: ${JSON.stringify(marked).slice(0, 80)}`);
  return new kind(behind.buffer as ArrayBuffer, behind.byteOffset + at, length);
}
