/** What stands before each sender's messages: told for all at once, or learnt one after another. */
import { expect, test } from "bun:test";
import { createPrefixes, isPrefix, learnPrefix, setPrefixes } from "./prefixes.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const texts = ["[10.0.0.1:1]: ", "", "abc", "[10.0.0.2:65535]: ", "abcd", "[2001:db8::1]:8080]: "];
const is = (prefixes: ReturnType<typeof createPrefixes>, text: string, sender: number) =>
  isPrefix(prefixes, new DataView(bytes(text).buffer), 0, text.length, sender);

test("learnt in any order they are the same as when they are told", () => {
  const [told, learnt] = [createPrefixes(), createPrefixes()];
  setPrefixes(told, texts.map(bytes));
  for (const sender of [4, 0, 5, 1, 3, 2])
    expect(learnPrefix(learnt, sender, bytes(texts[sender]))).toBe(true);
  for (const prefixes of [told, learnt]) {
    texts.forEach((_, sender) => {
      expect(texts.map((text) => is(prefixes, text, sender))).toEqual(texts.map((_, i) => i === sender));
    });
    expect([...prefixes.differentLengths].sort()).toEqual(
      [...new Set(texts.map(({ length }) => length))].sort(),
    );
  }
});

test("what is learnt stays, an empty one too, and nothing is right of a sender that is not known", () => {
  const prefixes = createPrefixes();
  expect(learnPrefix(prefixes, 3, bytes(""))).toBe(true);
  expect(learnPrefix(prefixes, 3, bytes("other"))).toBe(false);
  expect(is(prefixes, "", 3)).toBe(true);
  for (const sender of [0, 1, 2, 4, 100]) expect(is(prefixes, "", sender)).toBe(false);
});
