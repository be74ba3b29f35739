/**
 * The chat dialects over TCP: one room, and in this file all in which its dialects differ (greeting,
 * notices, what a message becomes, who gets it). A fifth dialect is one more entry of `dialects`.
 */
import { defineProtocol } from "./define.ts";
import { type Definition, expect } from "./definition.ts";
import { ignore, lines, unbounded } from "./framing.ts";
import { CARRIAGE_RETURN } from "./lines.ts";
import type { Protocol, Speaker } from "./protocol.ts";

/** Most bytes of one line, `\n` not counted. */
export const MAX_LINE_BYTES = 65_536;
/** Most bytes that wait for a reader who does not read; past it the reader is evicted. */
export const MAX_QUEUE_BYTES = 1_048_576;
/** Most bytes that a room keeps for all such readers together; past it those who are furthest behind go. */
export const MAX_ROOM_BYTES = 33_554_432;

export type { Speaker } from "./protocol.ts";

/** What a member's message means: this range is relayed, or the member leaves, or nothing. */
export type Heard = { from: number; to: number } | "leave" | "nothing";

export type Dialect = {
  summary: string;
  port: number;
  /** Lines ended by `\n`, or JSON objects with or without anything between them. */
  units: "lines" | "objects";
  /** Whether the sender gets its own message too. */
  echoes: boolean;
  /** To the newcomer alone. */
  greeting?: (who: Speaker) => string;
  joined?: (who: Speaker) => string;
  /** Whether the newcomer gets its own `joined` too. */
  newcomerSeesJoin?: boolean;
  left?: (who: Speaker) => string;
  /** What a message (line without `\n`, or object) says; the range is relayed as bytes, never re-encoded. */
  hear: (bytes: Uint8Array, from: number, to: number) => Heard;
  /** What stands before and after the relayed range. */
  prefix: (who: Speaker) => string;
  suffix: string;
  /** What stands around a text that a client sends: the other side of `hear`. */
  say: { prefix: (unixSeconds: number) => string; suffix: string };
  /** A line of the operator's console, as everyone gets it. */
  fromServer?: (text: string) => string;
  /** What one who sent a line that is too long is told, before the connection closes. */
  tooLong?: string;
  /** What its description promises of bounds; elsewhere a bound is only wise. */
  promises?: { lineLimit?: true; eviction?: true };
};

const wholeLine = (_: Uint8Array, from: number, to: number): Heard => ({ from, to });

/** The line without one trailing `\r`. */
function withoutReturn(bytes: Uint8Array, from: number, to: number): Heard {
  return { from, to: to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to };
}

const EXIT = /^(?:\d+:)?exit\r?$/;

/** `exit`, bare or behind a stamp, leaves the room. */
function stampedLine(bytes: Uint8Array, from: number, to: number): Heard {
  // Only a short line can be one; 32 digits of stamp are more than a clock will ever need.
  if (to - from <= 40 && EXIT.test(Buffer.from(bytes.subarray(from, to)).toString("latin1"))) return "leave";
  return { from, to };
}

/** The string token of `"data"`, quotes included, as it stands in the bytes; undefined when there is none. */
function dataToken(text: string): string | undefined {
  try {
    const object: unknown = JSON.parse(text);
    if (typeof object !== "object" || object === null || !("data" in object)) return undefined;
    if (typeof object.data !== "string") return undefined;
  } catch {
    return undefined;
  }
  // The object is valid JSON with a string member `data`: the last such member at the top level counts.
  let token: string | undefined;
  let depth = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    const part = match[0];
    if (part === "{" || part === "[") depth++;
    else if (part === "}" || part === "]") depth--;
    else if (depth === 1) {
      const value = /^\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text.slice(match.index + part.length));
      if (value && JSON.parse(part) === "data") token = value[1];
    }
  }
  return token;
}

/** Latin-1 maps bytes to characters one to one, so positions in the text are positions in the bytes. */
function jsonObject(bytes: Uint8Array, from: number, to: number): Heard {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
  // Our own shape first: no parse, and no quote or escape to think about.
  const plain = /^\{"data_source":"[^"\\\x00-\x1f]*","data":("[^"\\\x00-\x1f]*")\}$/.exec(text);
  const token = plain?.[1] ?? dataToken(text);
  if (token === undefined) return "nothing";
  const at = from + text.lastIndexOf(token);
  return { from: at, to: at + token.length };
}

const fromTheServer = (data: string) => `${JSON.stringify({ data_source: "server", data })}\n`;

export const dialects = {
  "chat/bracket": {
    summary: "chat by lines: [ip:port]: text to the others, an operator's console",
    port: 8080,
    units: "lines",
    echoes: false,
    hear: wholeLine,
    prefix: ({ address }) => `[${address}]: `,
    suffix: "\n",
    say: { prefix: () => "", suffix: "\n" },
    fromServer: (text) => `[Server]: ${text}\n`,
    tooLong: "[Server]: line too long\n",
    promises: { lineLimit: true, eviction: true },
  },
  "chat/welcome": {
    summary: "chat by lines: numbered users, 3:text to everyone",
    port: 2020,
    units: "lines",
    echoes: true,
    greeting: ({ id }) => `Welcome ${id}\n`,
    joined: ({ id }) => `User:${id}has enter\n`,
    left: ({ id }) => `User:${id}has left\n`,
    hear: withoutReturn,
    prefix: ({ id }) => `${id}:`,
    suffix: "\n",
    say: { prefix: () => "", suffix: "\n" },
    promises: { lineLimit: true },
  },
  "chat/stamped": {
    summary: "chat by lines: <unix seconds>:text unchanged to the others",
    port: 9000,
    units: "lines",
    echoes: false,
    joined: ({ id }) => `[SERVER] Client ${id} joined the chat.\n`,
    newcomerSeesJoin: true,
    left: ({ id }) => `[SERVER] Client ${id} left the chat.\n`,
    hear: stampedLine,
    prefix: () => "",
    suffix: "\n",
    say: { prefix: (unixSeconds) => `${unixSeconds}:`, suffix: "\n" },
  },
  "chat/json": {
    summary: "chat by JSON objects without separator, to everyone",
    port: 8080,
    units: "objects",
    echoes: true,
    joined: ({ address }) => fromTheServer(`${address} joined`),
    newcomerSeesJoin: true,
    left: ({ address }) => fromTheServer(`${address} left`),
    hear: jsonObject,
    prefix: ({ address }) => `{"data_source":"${address}","data":`,
    suffix: "}\n",
    say: { prefix: () => '{"data_source":"","data":"', suffix: '"}' },
  },
} as const satisfies Record<string, Dialect>;

export type DialectName = keyof typeof dialects;
export const dialectNames = Object.keys(dialects) as DialectName[];

export const chatProtocols: readonly Protocol[] = dialectNames.map((name) => {
  const dialect: Dialect = dialects[name];
  return defineProtocol({
    name,
    port: dialect.port,
    ...(name === "chat/bracket" ? { primary: true } : {}),
    framing: lines(),
    sends: dialect.units === "lines" ? lines() : unbounded(),
    ...mannersOf(dialect),
    dialect,
    promises: { echoesToSender: dialect.echoes, queueBytes: MAX_QUEUE_BYTES },
  });
});

/** A text without the `\n` that the framing puts behind it. */
function bare(text: string): string {
  return text.replace(/\n$/, "");
}

/** A dialect from the client's side: what is relayed of a message that `say` wraps is what `hear` takes of it. */
function mannersOf(dialect: Dialect): Pick<Definition, "open" | "control" | "room"> {
  const said = dialect.say.prefix(Math.floor(Date.now() / 1000));
  const saidBehind = bare(dialect.say.suffix);
  const unit = Buffer.from(`${said}message${saidBehind}`);
  const heard = dialect.hear(unit, 0, unit.length);
  if (typeof heard === "string") throw new Error(`a message in the dialect's own form means ${heard}`);
  const [from, to] = [said.length, said.length + "message".length];
  const before = unit.toString("utf8", heard.from, from);
  const after = unit.toString("utf8", to, heard.to);
  const greeting = patternOf(dialect.greeting);
  const notices = [greeting, patternOf(dialect.joined), patternOf(dialect.left)].filter(
    (pattern) => pattern !== undefined,
  );
  return {
    ...(greeting
      ? {
          *open() {
            const [, id] = yield expect(greeting);
            return { id };
          },
        }
      : {}),
    control: (unit) =>
      notices.some((pattern) => pattern.test(unit.toString("latin1"))) ? ignore : undefined,
    room: {
      say: () => ({ prefix: said, suffix: saidBehind }),
      hear: (_topic, _bytes, { address, id }) => ({
        prefix: dialect.prefix({ address, id: Number(id) }) + before,
        suffix: after + bare(dialect.suffix),
      }),
    },
  };
}

/** Escapes a text for a pattern, then lets numbers and addresses in it be any. */
function patternOf(make: ((who: Speaker) => string) | undefined): RegExp | undefined {
  if (!make) return undefined;
  const [id, address] = [987_654, "@address@"];
  const source = bare(make({ id, address })).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${source.replace(String(id), "(\\d+)").replace(address, '[^"]+')}$`);
}
