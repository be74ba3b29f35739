/**
 * The stream protocols that answer each request by a line: what the framing scenario asks them, and the right
 * replies. Requests at the edges of the protocol first, then any number of seeded random ones.
 */
import { PONG } from "../protocols/echo.ts";
import { edgeOperands, expectedReply, MAX_REQUEST_BYTES, request } from "../protocols/sum.ts";
import { createRequestPool } from "./requests.ts";

export type Exchanged = { name: string; request: Uint8Array; reply: Uint8Array };

export type Dialogue = {
  corpus: Exchanged[];
  random: (random: () => number) => () => Exchanged;
};

export type DialogueName = "sum/tcp" | "echo";

const exchanged = (name: string, request: string, reply: string): Exchanged => ({
  name,
  request: Buffer.from(request),
  reply: Buffer.from(`${reply}\n`),
});

/** White space that JSON allows (RFC 8259 2): a newline behind an object is what Go's and Python's encoders write. */
const spaced: readonly (readonly [name: string, write: (a: string, b: string) => string])[] = [
  ["a newline behind it", (a, b) => `{"A":${a},"B":${b}}\n`],
  ["spaces inside", (a, b) => `{ "A" : ${a} , "B" : ${b} }`],
  ["tabs and line ends inside", (a, b) => `{\r\n\t"A": ${a},\r\n\t"B": ${b}\r\n}`],
  ["B before A", (a, b) => `{"B":${b},"A":${a}}`],
  [
    "as long as a request may be",
    (a, b) => `{"A":${a},${`"B":${b}}`.padStart(MAX_REQUEST_BYTES - 6 - a.length)}`,
  ],
];

const sums: Exchanged[] = [
  ...edgeOperands.map(([a, b]) => exchanged(`${a} + ${b}`, request(a, b), expectedReply(a, b)!)),
  ...spaced.map(([name, write]) => exchanged(name, write("7", "-4"), expectedReply(7n, -4n)!)),
];

function randomSums(random: () => number): () => Exchanged {
  const pool = createRequestPool("tcp", Math.floor(random() * 2 ** 31), false);
  const between = ["", "", "", " ", "\n", "\r\n\t "];
  const any = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  return () => {
    const { text, reply } = any(pool);
    return { name: text, request: Buffer.from(text + any(between)), reply };
  };
}

const ping = exchanged("ping", "ping\n", PONG);

export const dialogues: Record<DialogueName, Dialogue> = {
  "sum/tcp": { corpus: sums, random: randomSums },
  echo: { corpus: [ping], random: () => () => ping },
};

export const dialogueNames = Object.keys(dialogues) as DialogueName[];
