/** What a started program writes: its first and last line, where it speaks to us, and its last words, where it dies. */
import { printable } from "../platform/printable.ts";

/** Of each output the end is kept: a server may log every message. */
const KEPT_BYTES = 65_536;
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

/** Reads both outputs to their ends. */
export function readOutput(stdout: ReadableStream<Uint8Array>, stderr?: ReadableStream<Uint8Array>): Output {
  const first = Promise.withResolvers<string>();
  const [out, both] = [createTail(), createTail()];
  const firstLine = () => first.resolve(out.text().split("\n", 1)[0]);
  let begun = false;
  const ended = Promise.allSettled([
    read(stdout, (chunk) => {
      out.add(chunk);
      both.add(chunk);
      if (begun || !(chunk.includes(NEWLINE) || out.isFull())) return;
      begun = true;
      firstLine();
    }).finally(firstLine),
    ...(stderr ? [read(stderr, both.add)] : []),
  ]);
  const drained = () => Promise.race([ended, Bun.sleep(DRAIN_MS)]);
  return {
    first: first.promise,
    last: () => drained().then(() => out.text().trimEnd().split("\n").pop() ?? ""),
    lastWords: () => drained().then(() => onOneLine(both.text())),
  };
}

const NEWLINE = 10;

async function read(stream: ReadableStream<Uint8Array>, take: (chunk: Uint8Array) => void): Promise<void> {
  for await (const chunk of stream) take(chunk);
}

/** The last chunks of a stream, as many as hold what is kept: nothing is copied or decoded before it is asked for. */
function createTail() {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  return {
    add(chunk: Uint8Array) {
      chunks.push(chunk);
      bytes += chunk.length;
      while (bytes - chunks[0].length >= KEPT_BYTES) bytes -= chunks.shift()?.length ?? 0;
    },
    isFull: () => bytes >= KEPT_BYTES,
    text: () => Buffer.concat(chunks).subarray(-KEPT_BYTES).toString(),
  };
}

function onOneLine(text: string): string {
  const lines = text.split(/[\r\n]+/).flatMap((line) => printable(line.trim()) || []);
  const words = lines.join(" | ");
  return words.length > LAST_CHARACTERS ? `… ${words.slice(-LAST_CHARACTERS)}` : words;
}
