import { expect, test } from "bun:test";
import { createLineBuffer, splitLines } from "./lines.ts";

/** The lines that come out when `chunks` are read one after another, or undefined once one was too long. */
function linesOf(chunks: (string | Uint8Array)[], limit = 100): { lines: string[]; readable: boolean } {
  const buffer = createLineBuffer();
  const lines: string[] = [];
  const readable = chunks.every((chunk) =>
    splitLines(buffer, Buffer.from(chunk as Uint8Array), limit, (bytes, from, to) =>
      lines.push(Buffer.from(bytes.subarray(from, to)).toString("latin1")),
    ),
  );
  return { lines, readable };
}

test("a line ends with a newline, wherever the reads were cut", () => {
  const text = Buffer.from("one\n\ntwo\r\nthree\n");
  for (let i = 0; i <= text.length; i++)
    for (let j = i; j <= text.length; j++)
      expect(linesOf([text.subarray(0, i), text.subarray(i, j), text.subarray(j)]).lines).toEqual([
        "one",
        "",
        "two\r",
        "three",
      ]);
});

test("what follows the last newline is kept and is no line", () => {
  expect(linesOf(["a\nb"]).lines).toEqual(["a"]);
  expect(linesOf(["a\nb", "c\n"]).lines).toEqual(["a", "bc"]);
});

test("bytes are not decoded", () => {
  expect(linesOf([Buffer.from([0xff, 0x80, 0x00, 0x0a])]).lines).toEqual(["\xff\x80\x00"]);
});

test("a line of the limit is a line, one byte more ends the stream, with or without its newline", () => {
  expect(linesOf(["x".repeat(100), "\n"])).toEqual({ lines: ["x".repeat(100)], readable: true });
  expect(linesOf([`ok\n${"x".repeat(101)}\n`])).toEqual({ lines: ["ok"], readable: false });
  expect(linesOf(["x".repeat(60), "x".repeat(41)])).toEqual({ lines: [], readable: false });
});
