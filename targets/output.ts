/** What a started program writes: its first and last line, where it speaks to us, and its last words, where it dies. */
import { printable } from "../platform/printable.ts";

const MOST_LINE_CHARACTERS = 65_536;
const LAST_CHARACTERS = 1000;
/** Children may hold a pipe open when the program itself has gone: its words are not waited for longer. */
const DRAIN_MS = 300;

export type Output = {
  /** The first line on standard output, empty when it ends without one. */
  first: Promise<string>;
  /** The last line on standard output, once there will be no more. */
  last: () => Promise<string>;
  /** The end of what it wrote to either output, on one line, fit to be printed; empty when it wrote nothing. */
  lastWords: () => Promise<string>;
};

/** Reads both outputs to their ends, and keeps of them no more than a bound. */
export function readOutput(stdout: ReadableStream<Uint8Array>, stderr: ReadableStream<Uint8Array>): Output {
  const first = Promise.withResolvers<string>();
  let both = "";
  let out = "";
  const read = async (stream: ReadableStream<Uint8Array>, keep: (text: string) => void) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      both = (both + text).slice(-MOST_LINE_CHARACTERS);
      keep(text);
    }
  };
  const ended = Promise.allSettled([
    read(stdout, (text) => {
      out += text;
      if (out.includes("\n") || out.length > MOST_LINE_CHARACTERS) first.resolve(out.split("\n", 1)[0]);
      out = out.slice(-MOST_LINE_CHARACTERS);
    }).finally(() => first.resolve(out.split("\n", 1)[0])),
    read(stderr, () => {}),
  ]);
  const drained = () => Promise.race([ended, Bun.sleep(DRAIN_MS)]);
  return {
    first: first.promise,
    last: () => drained().then(() => out.trimEnd().split("\n").pop() ?? ""),
    lastWords: () => drained().then(() => onOneLine(both)),
  };
}

function onOneLine(text: string): string {
  const lines = text.split(/[\r\n]+/).flatMap((line) => printable(line.trim()) || []);
  const words = lines.join(" | ");
  return words.length > LAST_CHARACTERS ? `… ${words.slice(-LAST_CHARACTERS)}` : words;
}
