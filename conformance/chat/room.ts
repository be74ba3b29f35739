/**
 * A room under test, in any dialect: joining, sending, receiving. The rules that all chat dialects share are written
 * with these once, and each dialect has them under ids of its own.
 */
import { type Dialect, type DialectName, dialects, type Speaker } from "../../protocols/chat.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { exactly, firstOf, nextLine, nothing } from "../expect.ts";
import { type TcpPeer, until } from "../peer.ts";
import { Unsupported, Violation } from "../violation.ts";
import { show } from "../wire-log.ts";
import { announcesItself, joinNotice, ownNotice } from "./notices.ts";

/** The timestamp of every message sent here: any time does. */
const SECONDS = 1_700_000_000;
/** How often a new client sends its greeting, at most, until all have received it. */
const MAX_GREETINGS = 8;
const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

export type Chat = {
  readonly t: Context;
  readonly name: DialectName;
  readonly dialect: Dialect;
  readonly members: TcpPeer[];
  /** Lets so many clients join, one after another; each is known to all before the next joins. */
  enter: (count: number) => Promise<TcpPeer[]>;
  join: (receiveBuffer?: number) => Promise<TcpPeer>;
  /** The bytes with which a client sends this text. */
  said: (text: string | Uint8Array) => Buffer;
  say: (author: TcpPeer, ...texts: (string | Uint8Array)[]) => void;
  /** All recipients of the author, or those given, receive these messages next, in this order. */
  heard: (author: TcpPeer, texts: readonly (string | Uint8Array)[], by?: readonly TcpPeer[]) => Promise<void>;
  /** The listener receives all of these, each author's in order, interleaved in any way. */
  merged: (listener: TcpPeer, said: readonly (readonly [TcpPeer, readonly string[]])[]) => Promise<void>;
  /** All recipients of the author, or those given, receive this, whatever precedes it. */
  heardAtLast: (author: TcpPeer, text: string, by?: readonly TcpPeer[]) => Promise<void>;
  /** Nobody receives anything more. */
  quiet: (...members: TcpPeer[]) => Promise<void>;
  speaker: (member: TcpPeer) => Speaker;
  /** Everyone else receives the leave notice of this member, where the dialect has one. */
  gone: (member: TcpPeer) => Promise<void>;
};

/** Whether what is delivered tells the address of who said it. */
const namesAddresses = ({ prefix }: Dialect) =>
  prefix({ id: 1, address: "here" }) !== prefix({ id: 1, address: "there" });

const asBytes = (text: string | Uint8Array) => Buffer.from(text);

export function chatIn(t: Context, name: DialectName): Chat {
  const dialect: Dialect = dialects[name];
  if (t.target.unix !== undefined && namesAddresses(dialect))
    throw new Unsupported("clients are identified by their addresses, and a Unix socket has none");
  const speakers = new Map<TcpPeer, Speaker>();
  const chat: Chat = {
    t,
    name,
    dialect,
    members: [],
    async enter(count) {
      for (let i = 0; i < count; i++) await chat.join();
      return chat.members.slice(-count);
    },
    async join(receiveBuffer) {
      const peer = await t.tcp(NAMES[t.peers.length] ?? `m${t.peers.length}`, receiveBuffer);
      const others = [...chat.members];
      chat.members.push(peer);
      speakers.set(peer, { id: await introduce(chat, peer, others), address: peer.address });
      return peer;
    },
    said(text) {
      const { prefix, suffix } = dialect.say;
      const bytes =
        dialect.units === "objects" ? Buffer.from(JSON.stringify(String(text)).slice(1, -1)) : asBytes(text);
      return Buffer.concat([Buffer.from(prefix(SECONDS)), bytes, Buffer.from(suffix)]);
    },
    say: (author, ...texts) => author.send(Buffer.concat(texts.map(chat.said))),
    async heard(author, texts, by = chat.members) {
      const listeners = by.filter((member) => member !== author || dialect.echoes);
      await Promise.all(
        listeners.map(async (listener) => {
          for (const text of texts) await hear(chat, listener, chat.speaker(author), text);
        }),
      );
    },
    async heardAtLast(author, text, by = chat.members) {
      for (const listener of by.filter((member) => member !== author || dialect.echoes))
        for (let line = ""; !isMessage(chat, line, chat.speaker(author), text); )
          line = await nextLine(listener, show(text));
    },
    async merged(listener, said) {
      const rests = said.map(([author, texts]) => ({ author: chat.speaker(author), texts: [...texts] }));
      while (rests.some(({ texts }) => texts.length > 0)) {
        const line = await nextLine(listener, `a message of ${said.map(([{ name }]) => name).join(" or ")}`);
        const from = rests.find(
          ({ author, texts }) => texts.length > 0 && isMessage(chat, line, author, texts[0]),
        );
        if (!from) {
          const wish = rests.flatMap(({ texts }) => (texts.length > 0 ? show(texts[0]) : [])).join(" or ");
          throw new Violation(`${listener.name} receives ${wish}`, `received ${show(line)}`);
        }
        from.texts.shift();
      }
    },
    quiet: (...members) => nothing(members.length > 0 ? members : chat.members),
    speaker: (member) => speakers.get(member) ?? { id: 0, address: member.address },
    async gone(member) {
      chat.members.splice(chat.members.indexOf(member), 1);
      const text = dialect.left?.(chat.speaker(member));
      if (text !== undefined) await Promise.all(chat.members.map((other) => notice(chat, other, text)));
    },
  };
  return chat;
}

/** Waits until the room knows the new client; returns its number where the dialect has one. */
async function introduce(chat: Chat, peer: TcpPeer, others: TcpPeer[]): Promise<number> {
  if (!announcesItself(chat.dialect)) {
    if (others.length > 0) await greet(chat, peer, others);
    return 0;
  }
  const id = await ownNotice(chat.dialect, peer);
  for (const other of others) await joinNotice(chat.dialect, other, { id, address: peer.address });
  return id;
}

/**
 * Where no notice shows that a client has joined, a first message does: once all receive it, all know the client. It
 * is repeated until then, since a server with a thread per connection may register a later client sooner.
 */
async function greet({ said, t, dialect }: Chat, peer: TcpPeer, others: TcpPeer[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const again = attempt === 1 ? "" : ` again, ${attempt}`;
    const hello = said(`hello from ${peer.name}${again}`);
    peer.send(hello);
    // All are waited for each time: a client that has received an earlier one receives this one too.
    const [deaf] = await deafTo(hello, others, t.timeout / MAX_GREETINGS);
    if (!deaf) return;
    if (attempt < MAX_GREETINGS) continue;
    const wish = `${deaf.name} receives "${dialect.prefix({ id: 0, address: peer.address })}" and ${show(hello)}`;
    throw new Violation(
      wish,
      deaf.unread().length > 0 ? `received ${show(deaf.unread())}` : "received nothing",
    );
  }
}

/** Those that do not receive these bytes in time; the others have taken them. */
async function deafTo(bytes: Buffer, others: TcpPeer[], milliseconds: number): Promise<TcpPeer[]> {
  const hears = others.map(async (other) => {
    const at = firstOf(other, bytes);
    const heard = await until(other, milliseconds, () => at() >= 0);
    if (heard) other.take(at() + bytes.length);
    return heard;
  });
  const heard = await Promise.all(hears);
  return others.filter((_, i) => !heard[i]);
}

async function hear(
  chat: Chat,
  listener: TcpPeer,
  author: Speaker,
  text: string | Uint8Array,
): Promise<void> {
  const { dialect } = chat;
  if (dialect.units === "objects")
    return object(listener, { data_source: author.address, data: String(text) });
  const parts = [dialect.prefix(author), dialect.say.prefix(SECONDS), text, dialect.suffix];
  await exactly(listener, Buffer.concat(parts.map(asBytes)));
}

function isMessage({ dialect }: Chat, line: string, author: Speaker, text: string): boolean {
  if (dialect.units === "lines") return line === dialect.prefix(author) + dialect.say.prefix(SECONDS) + text;
  return line.includes(`"${author.address}"`) && line.includes(`"${text}"`);
}

/** A notice of the server: compared byte for byte, or by its members where it is an object. */
export async function notice(chat: Chat, listener: TcpPeer, text: string): Promise<void> {
  if (chat.dialect.units === "lines") return exactly(listener, text);
  await object(listener, JSON.parse(text) as Message);
}

type Message = { data_source: string; data: string };

/** The next line is one JSON object with these two members, however it is formatted. */
async function object(listener: TcpPeer, { data_source, data }: Message): Promise<void> {
  const wish = `the object ${show(JSON.stringify({ data_source, data }))} and a newline`;
  const line = await nextLine(listener, wish);
  let came: unknown;
  try {
    came = JSON.parse(line);
  } catch {
    throw new Violation(
      `${listener.name} receives ${wish}`,
      `received ${show(line)}, which is not a JSON object`,
    );
  }
  const ok =
    typeof came === "object" &&
    came !== null &&
    "data_source" in came &&
    "data" in came &&
    came.data_source === data_source &&
    came.data === data;
  if (!ok) throw new Violation(`${listener.name} receives ${wish}`, `received ${show(line)}`);
}

export const slugOf = (name: string): string => name.replaceAll("/", "-");

/** A shared rule: a case without its dialect. `only` tells the dialects in which it holds, else it does in all. */
export type ChatRule = Omit<Case, "id" | "source" | "run"> & {
  /** Section and number: `2.3`. */
  number: string;
  only?: (dialect: Dialect) => boolean;
  run: (chat: Chat) => Promise<void>;
};

/** The rules as cases of one dialect. */
export function inDialect(name: DialectName, rules: readonly ChatRule[]): Case[] {
  const slug = slugOf(name);
  return rules
    .filter(({ only }) => only?.(dialects[name]) ?? true)
    .map(({ number, only: _, run, ...rest }) => ({
      ...rest,
      id: `${slug}/${number}`,
      source: `docs/protocols.md#${slug}`,
      run: (t) => run(chatIn(t, name)),
    }));
}

/** A well-behaved client: two join, one sends, the other receives. */
export const chatServes = (name: DialectName) => async (t: Context) => {
  const chat = chatIn(t, name);
  const [first, second] = await chat.enter(2);
  chat.say(second, "still there?");
  await chat.heard(second, ["still there?"]);
  first.close();
  await chat.gone(first);
};
