/**
 * The room behind every TCP chat dialect: members come, speak, leave and are evicted. How what they say reaches
 * everybody is in broadcast.ts, what the dialects say in protocols/chat.ts.
 */
import type { Socket } from "bun";
import { addressText } from "../platform/address.ts";
import { createOutbox, discard, flush, pending, send } from "../platform/outbox.ts";
import {
  type Dialect,
  MAX_LINE_BYTES,
  MAX_QUEUE_BYTES,
  MAX_ROOM_BYTES,
  type Speaker,
} from "../protocols/chat.ts";
import { createObjectSplitter, type ObjectSplitter, splitObjects } from "../protocols/json-objects.ts";
import { createLineBuffer, type LineBuffer, splitLines } from "../protocols/lines.ts";
import { createBroadcast, type Recipient } from "./broadcast.ts";

export type Member = Speaker &
  Recipient & {
    socket: Socket<Member>;
    lines: LineBuffer;
    objects: ObjectSplitter;
    prefix: Uint8Array;
    gone: boolean;
  };

export type Room = ReturnType<typeof createRoom>;

/**
 * A room that speaks `dialect`.
 * Sockets are handed in by `join`, `receive`, `drained`, `ended` and `closed`, straight from Bun's handlers; those that have
 * been ended in an orderly way are handed out to `linger`.
 */
export function createRoom(dialect: Dialect, linger: (socket: Socket<Member>) => void) {
  const broadcast = createBroadcast<Member>(MAX_QUEUE_BYTES, MAX_ROOM_BYTES, expel);
  const suffix = Buffer.from(dialect.suffix);
  let lastId = 0;
  let evicted = 0;

  /** Says something to all who are in the room now, but for one. */
  function announce(text: string, except?: Member): void {
    const bytes = Buffer.from(text);
    const from = broadcast.begin(bytes.length);
    broadcast.put(bytes);
    if (except) broadcast.skip(except, from);
  }

  function relay(author: Member, bytes: Uint8Array, from: number, to: number): void {
    const start = broadcast.begin(author.prefix.length + to - from + suffix.length);
    broadcast.put(author.prefix);
    broadcast.put(bytes, from, to);
    broadcast.put(suffix);
    if (!dialect.echoes) broadcast.skip(author, start);
  }

  /** The reader is too slow, or its socket is closed: it goes, by a reset, since its queue cannot be sent. */
  function expel(member: Member): void {
    // A socket that its peer has closed takes nothing either, but nothing waits for it.
    if (pending(member.outbox) > 0) evicted++;
    leave(member);
    member.socket.terminate();
  }

  function join(socket: Socket<Member>): void {
    const member: Member = {
      id: ++lastId,
      // A Unix socket's peer has no address.
      address: socket.remoteAddress ? addressText(socket.remoteAddress, socket.remotePort) : `unix:${lastId}`,
      socket,
      outbox: createOutbox(MAX_QUEUE_BYTES, broadcast.store, () => expel(member)),
      lines: createLineBuffer(),
      objects: createObjectSplitter(MAX_LINE_BYTES),
      prefix: new Uint8Array(0),
      batchFrom: 0,
      skips: [],
      gone: false,
    };
    member.prefix = Buffer.from(dialect.prefix(member));
    socket.data = member;
    broadcast.join(member);
    if (dialect.greeting) send(member.outbox, socket, Buffer.from(dialect.greeting(member)));
    if (dialect.joined) announce(dialect.joined(member), dialect.newcomerSeesJoin ? undefined : member);
  }

  function receive(member: Member, chunk: Uint8Array): void {
    if (member.gone) return;
    const hear = (bytes: Uint8Array, from: number, to: number) => {
      if (member.gone) return;
      const heard = dialect.hear(bytes, from, to);
      if (heard === "leave") return quit(member);
      if (heard !== "nothing") relay(member, bytes, heard.from, heard.to);
    };
    const readable =
      dialect.units === "lines"
        ? splitLines(member.lines, chunk, MAX_LINE_BYTES, hear)
        : splitObjects(member.objects, chunk, hear) === undefined;
    if (!readable) quit(member, dialect.tooLong);
  }

  /** Ends a connection in an orderly way: what waits is written, then FIN; the peer's close ends it. */
  function quit(member: Member, lastWords?: string): void {
    if (member.gone) return;
    const told = broadcast.share(member) && send(member.outbox, member.socket, Buffer.from(lastWords ?? ""));
    leave(member);
    if (!told) return void member.socket.terminate();
    finish(member);
    linger(member.socket);
  }

  function finish(member: Member): void {
    // `end()` would lose what is on its way (Bun 1.4.5), `shutdown()` sends FIN behind it. Unread input
    // would turn the close into a reset that overtakes the last words, so reading goes on until then.
    if (pending(member.outbox) === 0) member.socket.shutdown();
  }

  function drained(member: Member): void {
    flush(member.outbox, member.socket);
    if (member.gone) finish(member);
  }

  /** It is no member any more, in whatever way that came; calling it twice does no harm. */
  function leave(member: Member): void {
    if (member.gone) return;
    member.gone = true;
    broadcast.leave(member);
    if (dialect.left) announce(dialect.left(member));
  }

  return {
    join,
    receive,
    /** The member has sent FIN: it still gets what was said until now. */
    ended: (member: Member) => quit(member),
    drained,
    /** Its connection has gone. */
    closed(member: Member): void {
      leave(member);
      discard(member.outbox);
    },
    announce,
    /** How many readers were too slow. */
    evictions: () => evicted,
  };
}
