import { expect, test } from "bun:test";
import { HEADER_BYTES, MIN_MESSAGE_BYTES, stamp, verifyMessage, writeMessage } from "./stamp.ts";

function message(
  size: number,
  tag = 0xbeef,
  sender = 513,
  sequence = 70_000,
  time = 1_234_567_890_123,
): Buffer {
  const bytes = Buffer.alloc(size);
  writeMessage(new DataView(bytes.buffer, bytes.byteOffset, size), 0, size, tag, sender, sequence, time);
  return bytes;
}

const verify = (bytes: Buffer, tag = 0xbeef) =>
  verifyMessage(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, tag);

test("the header is lower-case hexadecimal: tag, sender, sequence, time", () => {
  expect(message(32).toString().slice(0, HEADER_BYTES)).toBe("beef0201000111700" + "11f71fb04cb");
});

test.each([0, 1, 65_535])("what was written is read: sender %d", (sender) => {
  for (const sequence of [0, 1, 65_536, 2 ** 32 - 1])
    for (const time of [0, 1, 2 ** 31, 2 ** 32, 2 ** 48 - 1]) {
      expect(verify(message(40, 1, sender, sequence, time), 1)).toBe(true);
      expect({ ...stamp }).toEqual({ sender, sequence, time });
    }
});

test("messages of every size are letters and digits, so any text protocol can carry them", () => {
  for (let size = MIN_MESSAGE_BYTES; size < 100; size++) {
    const bytes = message(size);
    expect(bytes.toString()).toMatch(/^[0-9a-f]{28}[a-p]+$/);
    expect(verify(bytes)).toBe(true);
  }
});

test("a change of any one bit of any byte is seen", () => {
  const bytes = message(47);
  for (let at = 0; at < bytes.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      bytes[at] ^= 1 << bit;
      expect(verify(bytes)).toBe(false);
      bytes[at] ^= 1 << bit;
    }
});

test("a message of another run is none of this one", () => {
  expect(verify(message(32, 1), 2)).toBe(false);
});
