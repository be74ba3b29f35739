import { expect, test } from "bun:test";
import { createObjectSplitter, type SplitFault, splitObjects } from "./json-objects.ts";

function objectsOf(chunks: Uint8Array[], limit = 100): { objects: string[]; fault: SplitFault | undefined } {
  const splitter = createObjectSplitter(limit);
  const objects: string[] = [];
  for (const chunk of chunks) {
    const fault = splitObjects(splitter, chunk, (bytes, from, to) =>
      objects.push(Buffer.from(bytes.subarray(from, to)).toString()),
    );
    if (fault) return { objects, fault };
  }
  return { objects, fault: undefined };
}

test("objects need nothing between them and may be split at any byte", () => {
  const objects = ['{"a":"}{"}', "{}", '{"b":{"c":["\\"}"]}}', '{"d":"\\\\"}'];
  const bytes = Buffer.from(objects.join(""));
  for (let i = 0; i <= bytes.length; i++)
    for (let j = i; j <= bytes.length; j++)
      expect(objectsOf([bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)]).objects).toEqual(
        objects,
      );
});

test("white space between objects is none of theirs", () => {
  expect(objectsOf([Buffer.from(' \r\n\t{"a":1}\n\n{"b":2} ')]).objects).toEqual(['{"a":1}', '{"b":2}']);
});

test("what does not begin with a brace is no object; those before it still count", () => {
  expect(objectsOf([Buffer.from("{}[1]")])).toEqual({ objects: ["{}"], fault: "not an object" });
});

test("an object of the limit is one, one byte more ends the stream, split or not", () => {
  const fits = Buffer.from(`{"a":"${"x".repeat(92)}"}`);
  expect(fits.length).toBe(100);
  for (let at = 0; at <= fits.length; at++)
    expect(objectsOf([fits.subarray(0, at), fits.subarray(at)]).objects).toEqual([fits.toString()]);
  const tooLong = Buffer.from(`{}{"a":"${"x".repeat(93)}"}`);
  for (let at = 2; at < tooLong.length; at++)
    expect(objectsOf([tooLong.subarray(0, at), tooLong.subarray(at)])).toEqual({
      objects: ["{}"],
      fault: "too long",
    });
});
