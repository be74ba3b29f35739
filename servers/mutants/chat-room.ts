/**
 * The plainest TCP chat room that is right, as an object of the decisions that it takes: each message goes to each
 * recipient by a write of its own, as it comes.
 */
import type { Socket } from "bun";
import { addressText } from "../../platform/address.ts";
import { createOutbox, flush, type Outbox, pending, send } from "../../platform/outbox.ts";
import { type Dialect, MAX_LINE_BYTES, MAX_QUEUE_BYTES, type Speaker } from "../../protocols/chat.ts";
import { createObjectSplitter, type ObjectSplitter, splitObjects } from "../../protocols/json-objects.ts";
import { createLineBuffer, type LineBuffer, type LineHandler, splitLines } from "../../protocols/lines.ts";
import type { ConnectedRoom } from "./room.ts";

export type Member = Speaker & {
  socket: Socket<Member>;
  outbox: Outbox;
  lines: LineBuffer;
  objects: ObjectSplitter;
  gone: boolean;
};

/** The decisions of the room. */
export type ChatRoom = ConnectedRoom<Member> & {
  dialect: Dialect;
  nextId: () => number;
  receive: (author: Member, chunk: Uint8Array) => void;
  /** Whether what a member sends still matters. */
  listensTo: (author: Member) => boolean;
  /** Hands each line or object of a read to `hear`; false when one is too long. */
  split: (author: Member, chunk: Uint8Array, hear: LineHandler) => boolean;
  hear: (author: Member, bytes: Uint8Array, from: number, to: number) => void;
  /** Says goodbye to one who leaves in order, and to one who wrote too long a line. */
  quit: (member: Member) => void;
  refuse: (author: Member) => void;
  /** Its connection has ended: by a reset, if there is an error. */
  closed: (member: Member, error?: Error) => void;
  /** Whether the end of a connection is noticed. */
  noticesEnds: boolean;
  readConsole: (input: ReadableStream<Uint8Array>, say: (line: string) => void) => void;
  /** The console's input has ended. */
  consoleEnded: () => void;
};

/** The room that is right; `die` ends its server. */
export function plainRoom(dialect: Dialect, every: number, die: () => void): ChatRoom {
  const members = new Set<Member>();
  let lastId = 0;

  function announce(text: string, except?: Member): void {
    for (const member of members) if (member !== except) room.send(member, Buffer.from(text));
  }

  const room: ChatRoom = {
    dialect,
    every,
    messageBytes: MAX_LINE_BYTES,
    queueBytes: MAX_QUEUE_BYTES,
    emptyBytes: dialect.say.prefix(1e9).length,
    noticesEnds: true,
    die,
    members: () => [...members],
    nextId: () => ++lastId,
    opened(member) {
      if (room.dialect.greeting) room.send(member, Buffer.from(room.dialect.greeting(member)));
      members.add(member);
      const { joined, newcomerSeesJoin } = room.dialect;
      if (joined) announce(joined(member), newcomerSeesJoin ? undefined : member);
    },
    left(member) {
      member.gone = true;
      members.delete(member);
      if (room.dialect.left) announce(room.dialect.left(member));
    },
    reset: ({ socket }) => void socket.terminate(),
    receive(author, chunk) {
      if (!room.listensTo(author)) return;
      const hear: LineHandler = (bytes, from, to) => room.hear(author, bytes, from, to);
      if (!room.split(author, chunk, hear) && !author.gone) room.refuse(author);
    },
    listensTo: (author) => !author.gone,
    split: ({ lines, objects }, chunk, hear) =>
      dialect.units === "objects"
        ? splitObjects(objects, chunk, hear) === undefined
        : splitLines(lines, chunk, room.messageBytes, hear),
    hear(author, bytes, from, to) {
      if (!room.listensTo(author)) return;
      const heard = room.dialect.hear(bytes, from, to);
      if (heard === "leave") room.quit(author);
      else if (heard !== "nothing") room.say(author, Buffer.from(bytes.subarray(heard.from, heard.to)));
    },
    say(author, text) {
      const { prefix, suffix } = room.dialect;
      const message = Buffer.concat([Buffer.from(prefix(room.nameOf(author))), text, Buffer.from(suffix)]);
      room.spread(room.recipients(author), message);
    },
    nameOf: (author) => author,
    recipients: (author) => [...members].filter((member) => room.dialect.echoes || member !== author),
    spread(recipients, message) {
      for (const member of recipients) room.send(member, message);
    },
    send(member, message) {
      if (send(member.outbox, member.socket, message)) return;
      leave(room, member);
      member.socket.terminate();
    },
    waiting: ({ outbox }) => pending(outbox),
    drained({ outbox, socket, gone }) {
      flush(outbox, socket);
      if (gone && pending(outbox) === 0) socket.shutdown();
    },
    // What is said is written, then FIN; what the peer still sends is read and dropped.
    quit(member) {
      leave(room, member);
      if (pending(member.outbox) === 0) member.socket.shutdown();
    },
    refuse(author) {
      if (room.dialect.tooLong) room.send(author, Buffer.from(room.dialect.tooLong));
      room.quit(author);
    },
    closed: (member) => leave(room, member),
    async readConsole(input, say) {
      const lines = createLineBuffer();
      for await (const chunk of input)
        splitLines(lines, chunk, MAX_LINE_BYTES, (bytes, from, to) =>
          say(Buffer.from(bytes.subarray(from, to)).toString()),
        );
      room.consoleEnded();
    },
    consoleEnded() {},
  };
  return room;
}

/** Once, in whatever way it came. */
export function leave(room: ChatRoom, member: Member): void {
  if (!member.gone) room.left(member);
}

export function newMember(room: ChatRoom, socket: Socket<Member>): Member {
  return {
    id: room.nextId(),
    address: addressText(socket.remoteAddress, socket.remotePort),
    socket,
    outbox: createOutbox(room.queueBytes),
    lines: createLineBuffer(),
    objects: createObjectSplitter(room.messageBytes),
    gone: false,
  };
}
