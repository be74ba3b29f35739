/** The lines that the framing scenario sends: those at which programs break, and seeded random ones. */
import { type Dialect, MAX_LINE_BYTES } from "../protocols/chat.ts";
import { NEWLINE } from "../protocols/lines.ts";

export type CorpusLine = { name: string; bytes: Uint8Array };

const newline = new Uint8Array([NEWLINE]);
const utf8 = (text: string) => new Uint8Array(Buffer.from(text));
/** Printable bytes that differ from their neighbours, so that a lost or moved one shows; none needs escapes. */
const filler = (length: number) => Uint8Array.from({ length }, (_, i) => 35 + ((i * 7 + (i >> 6)) % 57));

/** @param limit most bytes of a line that a client of this protocol may send */
export function corpus(limit: number): CorpusLine[] {
  return [
    { name: "empty", bytes: utf8("") },
    { name: "one byte", bytes: utf8("x") },
    { name: "words", bytes: utf8("the quick brown fox: [not a prefix]: jumps") },
    { name: "multi-byte characters", bytes: utf8("žluťoučký кот 猫 🐈‍⬛ e\u0301") },
    { name: "NUL", bytes: utf8("nul\0inside\0") },
    { name: "carriage returns", bytes: utf8("\rcr\r\rinside\r") },
    { name: "one below the limit", bytes: filler(limit - 1) },
    { name: "at the limit", bytes: filler(limit) },
  ];
}

/** A line of a seeded run: `<sender>:<sequence>:` and random bytes, some of them multi-byte characters. */
export function randomLine(random: () => number, sender: number, sequence: number): Uint8Array {
  const length = Math.floor(random() ** 3 * 400);
  let text = `${sender}:${sequence}:`;
  for (let i = 0; i < length; i++) {
    const pick = random();
    text += pick < 0.9 ? String.fromCharCode(32 + Math.floor(random() * 95)) : pick < 0.95 ? "é" : "🧦";
  }
  return utf8(text);
}

/** How a client of the dialect writes a line, and what the others get of it, without the sender's prefix. */
export type LineForm = {
  write: (line: Uint8Array) => Uint8Array;
  delivered: (line: Uint8Array) => Uint8Array;
  /** Whether one hears what one has said oneself. */
  echoes: boolean;
  limit: number;
};

/** The stamp of chat/stamped is part of what is relayed. */
export function lineForm(dialect: Dialect, unixSeconds: number): LineForm {
  if (dialect.units === "objects") {
    // The text must be JSON; the relayed token is then the very one that was sent.
    const token = (line: Uint8Array) => utf8(JSON.stringify(Buffer.from(line).toString("utf8")));
    const before = '{"data_source":"","data":';
    return {
      echoes: dialect.echoes,
      write: (line) => Buffer.concat([utf8(before), token(line), utf8("}")]),
      delivered: (line) => Buffer.concat([token(line), utf8(dialect.suffix)]),
      limit: MAX_LINE_BYTES - before.length - '""}'.length,
    };
  }
  const said = utf8(dialect.say.prefix(unixSeconds));
  return {
    echoes: dialect.echoes,
    write: (line) => Buffer.concat([said, line, newline]),
    delivered(line) {
      const whole = Buffer.concat([said, line]);
      const heard = dialect.hear(whole, 0, whole.length);
      const { from, to } = typeof heard === "string" ? { from: 0, to: 0 } : heard;
      return Buffer.concat([whole.subarray(from, to), utf8(dialect.suffix)]);
    },
    limit: MAX_LINE_BYTES - said.length,
  };
}
