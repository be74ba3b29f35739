/**
 * The room behind every TCP chat dialect: members, bounded queues, one write a recipient a tick, eviction.
 *
 * All that is said in one turn of the event loop is gathered in one batch, each message encoded once, and
 * each member gets the batch by one `write`. A member's own messages are cut out of its copy where the
 * dialect does not echo. A member whose queue overflows is evicted and nobody waits for it.
 */
import type { Socket } from "bun";
import { addressText } from "../platform/address.ts";
import { createOutbox, flush, type Outbox, pending, send } from "../platform/outbox.ts";
import { type Dialect, MAX_LINE_BYTES, MAX_QUEUE_BYTES, type Speaker } from "../protocols/chat.ts";
import { createObjectSplitter, type ObjectSplitter, splitObjects } from "../protocols/json-objects.ts";
import { createLineBuffer, type LineBuffer, splitLines } from "../protocols/lines.ts";

/** A batch that has grown to this is written at once, so that a flood cannot make it grow without bound. */
const BATCH_BYTES = 262_144;

/** How long a finished connection may take to be closed by its peer. */
const LINGER_SECONDS = 5;

export type Member = Speaker & {
  socket: Socket<Member>;
  outbox: Outbox;
  lines: LineBuffer;
  objects: ObjectSplitter;
  prefix: Uint8Array;
  /** From where in this tick's batch the member takes part, and the ranges that are not for it. */
  batchFrom: number;
  skips: number[];
  gone: boolean;
};

export type Room = ReturnType<typeof createRoom>;

/**
 * A room that speaks `dialect`. `queueBytes` bounds what waits for one slow reader.
 * Sockets are handed in by `join`, `receive`, `drained` and `leave`, straight from Bun's handlers.
 */
export function createRoom(dialect: Dialect, queueBytes = MAX_QUEUE_BYTES) {
  const members = new Set<Member>();
  const suffix = Buffer.from(dialect.suffix);
  let lastId = 0;
  let batch = new Uint8Array(BATCH_BYTES);
  let scratch = new Uint8Array(BATCH_BYTES);
  let length = 0;
  let scheduled = false;
  let evicted = 0;

  /** Makes room in the batch for `bytes` more; what is there is written first when it is much. */
  function reserve(bytes: number): void {
    if (length > 0 && length + bytes > BATCH_BYTES) flushBatch();
    if (length + bytes > batch.length) {
      const grown = new Uint8Array((length + bytes) * 2);
      grown.set(batch.subarray(0, length));
      batch = grown;
      scratch = new Uint8Array(grown.length);
    }
    if (scheduled) return;
    scheduled = true;
    // After the poll phase: every socket that was readable in this turn has been read by then.
    setImmediate(() => {
      scheduled = false;
      flushBatch();
    });
  }

  function put(bytes: Uint8Array, from = 0, to = bytes.length): void {
    batch.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), length);
    length += to - from;
  }

  /** Says something to all who are in the room now, but for one. */
  function announce(text: string, except?: Member): void {
    const bytes = Buffer.from(text);
    reserve(bytes.length);
    const from = length;
    put(bytes);
    except?.skips.push(from, length);
  }

  function relay(author: Member, bytes: Uint8Array, from: number, to: number): void {
    reserve(author.prefix.length + to - from + suffix.length);
    const start = length;
    put(author.prefix);
    put(bytes, from, to);
    put(suffix);
    if (dialect.echoes) return;
    // Messages of one author often stand together: one range then.
    const { skips } = author;
    if (skips.length > 0 && skips[skips.length - 1] === start) skips[skips.length - 1] = length;
    else skips.push(start, length);
  }

  function flushBatch(): void {
    const end = length;
    length = 0;
    const slow: Member[] = [];
    for (const member of members) {
      if (!share(member, end)) slow.push(member);
      member.batchFrom = 0;
    }
    // Only now: what is said of one who goes begins the next batch, and this one must have reached everybody.
    for (const member of slow) members.delete(member);
    for (const member of slow) expel(member);
  }

  /** Gives a member its part of the batch up to `end`; false when the member's queue cannot hold it. */
  function share(member: Member, end: number): boolean {
    const { outbox, socket, batchFrom, skips } = member;
    if (end <= batchFrom) return true;
    member.batchFrom = end;
    if (skips.length === 0) return send(outbox, socket, batch, batchFrom, end);
    member.skips = [];
    const copied = copyWithout(skips, batchFrom, end);
    return copied === 0 || send(outbox, socket, scratch, 0, copied);
  }

  /** Copies the batch without the skipped ranges into `scratch`; returns how many bytes are there. */
  function copyWithout(skips: number[], from: number, end: number): number {
    let at = from;
    let copied = 0;
    for (let i = 0; i <= skips.length; i += 2) {
      const stop = i < skips.length ? skips[i] : end;
      if (stop > at) {
        scratch.set(batch.subarray(at, stop), copied);
        copied += stop - at;
      }
      if (i < skips.length) at = Math.max(at, skips[i + 1]);
    }
    return copied;
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
      outbox: createOutbox(queueBytes),
      lines: createLineBuffer(),
      objects: createObjectSplitter(MAX_LINE_BYTES),
      prefix: new Uint8Array(0),
      batchFrom: length,
      skips: [],
      gone: false,
    };
    member.prefix = Buffer.from(dialect.prefix(member));
    socket.data = member;
    members.add(member);
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
    const told = share(member, length) && send(member.outbox, member.socket, Buffer.from(lastWords ?? ""));
    leave(member);
    if (!told) return void member.socket.terminate();
    finish(member);
    // Set once, and no traffic renews it: a peer that never closes its side is not waited for.
    member.socket.timeout(LINGER_SECONDS);
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

  /** The member has gone, in whatever way; calling it twice does no harm. */
  function leave(member: Member): void {
    if (member.gone) return;
    member.gone = true;
    members.delete(member);
    if (dialect.left) announce(dialect.left(member));
  }

  return {
    members,
    join,
    receive,
    /** The member has sent FIN: it still gets what was said until now. */
    ended: (member: Member) => quit(member),
    drained,
    leave,
    announce,
    /** How many readers were too slow. */
    evictions: () => evicted,
  };
}
