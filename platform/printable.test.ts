import { expect, test } from "bun:test";
import { printable } from "./printable.ts";

const from = (...codes: number[]) => String.fromCodePoint(...codes);

test("what would act on a terminal is written out", () => {
  expect(printable(`${from(0x1b)}[31mred${from(0x07)}`)).toBe("\\x1b[31mred\\x07");
  expect(printable(`two${from(0x0a)}lines${from(0x0d, 0x09)}`)).toBe("two\\x0alines\\x0d\\x09");
  expect(printable(from(0x9b, 0x202e, 0x2028))).toBe("\\x9b\\u{202e}\\u{2028}");
});

test("each control and each bidirectional character is, and nothing beside them", () => {
  const controls = [...Array(0x20).keys(), ...Array.from({ length: 0x21 }, (_, i) => 0x7f + i)];
  const order = [0x61c, 0x200e, 0x200f, 0x2066, 0x2067, 0x2068, 0x2069];
  const separators = Array.from({ length: 7 }, (_, i) => 0x2028 + i); // and the five that embed and override
  const expected = new Set([...controls, ...order, ...separators]);
  for (let code = 0; code < 0x10000; code++)
    if (expected.has(code) !== (printable(from(code)) !== from(code)))
      expect(code.toString(16)).toBe(expected.has(code) ? "to be written out" : "to stay as it is");
});

test("letters of all scripts, pictures and backslashes stay as they are", () => {
  const text = "größe שלום العربية 日本 👩‍👩‍👧 c:\\dir";
  expect(printable(text)).toBe(text);
});
