import { describe, expect, test } from "bun:test";
import { defineProtocol } from "../protocols/define.ts";
import { lines } from "../protocols/framing.ts";
import { allProtocols, capabilityOf } from "../protocols/index.ts";
import { markTag, writeMessage } from "../protocols/stamp.ts";
import type { BadUnit } from "./ledger.ts";
import { createReader, createReceiver } from "./reader.ts";

const TAG = 0x51ab;
const SIZE = 40;
/** Rooms over streams: a datagram is a unit by itself. */
const protocols = allProtocols().flatMap(({ name, room, transport }) =>
  room && transport !== "udp" ? [name] : [],
);
/** Addresses of three widths, so that prefixes differ in length. */
const speakers = [
  { address: "127.0.0.1:9", id: 7 },
  { address: "127.0.0.1:54321", id: 12 },
  { address: "127.0.0.1:808", id: 345 },
];

const named = (kind: string, sender?: number, sequence?: number) =>
  sender === undefined ? kind : `${kind} ${sender}/${sequence}`;

function setUp(protocol: string, got: string[] = [], learns = false) {
  const wire = capabilityOf(protocol, "room")(SIZE);
  const reader = createReader({
    wire,
    messageBytes: SIZE,
    tag: TAG,
    onMessage: (_, sender, sequence, time) => void got.push(`${sender}/${sequence}@${time}`),
    onMark: (_, sender, mark) => void got.push(`mark ${mark} of ${sender}`),
    onCorrupt: (_, { sender, sequence }) => void got.push(named("corrupt", sender, sequence)),
    onUnexpected: () => void got.push("unexpected"),
  });
  const prefixes = speakers.map((speaker) => wire.deliveryPrefix(speaker));
  if (learns) reader.learnPrefixes();
  else reader.expectPrefixes(prefixes);
  const unit = (sender: number, sequence: number, tag = TAG) => {
    const message = new Uint8Array(SIZE);
    writeMessage(new DataView(message.buffer), 0, SIZE, tag, sender, sequence, sequence * 10);
    return Buffer.concat([prefixes[sender], message, wire.deliverySuffix]);
  };
  return { reader, got, unit, prefixes, wire, receiver: createReceiver(0) };
}

describe.each(protocols)("a reader of %s", (protocol) => {
  test("finds every message, cut at any byte", () => {
    for (let cut = 0, length = 1; cut <= length; cut++) {
      const { reader, got, receiver, unit } = setUp(protocol);
      const whole = Buffer.concat([unit(0, 0), unit(1, 0), unit(1, 1), unit(2, 0), unit(0, 1)]);
      length = whole.length;
      reader.read(receiver, whole.subarray(0, cut));
      reader.read(receiver, whole.subarray(cut));
      expect(got).toEqual(["0/0@0", "1/0@0", "1/1@10", "2/0@0", "0/1@10"]);
    }
  });

  test("finds every message, byte by byte", () => {
    const { reader, got, unit, receiver } = setUp(protocol);
    for (const byte of Buffer.concat([unit(2, 5), unit(0, 6)])) reader.read(receiver, new Uint8Array([byte]));
    expect(got).toEqual(["2/5@50", "0/6@60"]);
  });

  test("sees any changed bit of the message", () => {
    for (let at = 0; at < SIZE; at++) {
      const { reader, got, unit, receiver } = setUp(protocol);
      const bytes = unit(1, 3);
      const place = bytes.length - capabilityOf(protocol, "room")(SIZE).deliverySuffix.length - SIZE + at;
      bytes[place] ^= 1;
      reader.read(receiver, bytes);
      reader.read(receiver, unit(1, 4));
      expect(got).toEqual([got[0], "1/4@40"]);
      expect(got[0].split(" ")[0]).toBeOneOf(["corrupt", "unexpected"]);
    }
  });

  test("does not take a message of another run, and knows a mark", () => {
    const { reader, got, unit, receiver } = setUp(protocol);
    reader.read(receiver, unit(0, 0, 0x1234));
    reader.read(receiver, unit(0, 0, markTag(TAG)));
    expect(got[0]).not.toStartWith("0/");
    expect(got[1]).toBe("mark 0 of 0");
  });
});

test("the prefix of another sender makes a message corrupt", () => {
  const { reader, got, unit, receiver } = setUp("chat/bracket");
  const bytes = unit(1, 0);
  bytes[5] ^= 1;
  reader.read(receiver, bytes);
  expect(got).toEqual(["corrupt 1/0"]);
});

test.each(protocols)(
  "of %s a message without its prefix is told by name, and as it should have come",
  (protocol) => {
    const units: BadUnit[] = [];
    const { unit, prefixes, receiver, wire } = setUp(protocol);
    const reader = createReader({
      wire,
      messageBytes: SIZE,
      tag: TAG,
      onMessage: () => {},
      onMark: () => {},
      onCorrupt: (_, bad) => void units.push(bad),
      onUnexpected: (_, bad) => void units.push(bad),
    });
    reader.expectPrefixes(prefixes);
    const whole = unit(2, 7);
    const bare = Buffer.from(whole.subarray(prefixes[2].length));
    // A frame is as long as its header says.
    const header = protocol === "chat/ws" ? [0x81, bare.length] : [];
    reader.read(receiver, Buffer.concat([Buffer.from(header), bare]));
    expect(units).toMatchObject([{ sender: 2, sequence: 7, expected: whole.toString("latin1") }]);
  },
);

test("where prefixes cannot be known they are learnt, and must stay as they were", () => {
  const { got, receiver, unit, prefixes } = setUp("chat/bracket");
  const { reader } = setUp("chat/bracket", got, true);
  reader.read(receiver, Buffer.concat([unit(1, 0), unit(0, 0), unit(1, 1), unit(0, 1)]));
  const other = unit(1, 2);
  other[prefixes[1].length - 4] ^= 1;
  reader.read(receiver, other);
  expect(got).toEqual(["1/0@0", "0/0@0", "1/1@10", "0/1@10", "corrupt 1/2"]);
});

test("notices are no faults, a stranger's line is unexpected", () => {
  const { reader, got, receiver } = setUp("chat/welcome");
  reader.read(receiver, Buffer.from("Welcome 12\nUser:13has enter\nUser:13has left\nhello from elsewhere\n"));
  expect(got).toEqual(["unexpected"]);
});

describe("a reader of deliveries whose header varies", () => {
  const wire = defineProtocol({
    name: "varies",
    framing: lines(),
    room: {
      say: () => ({}),
      hear: () => ({ prefix: "7 " }),
      find: (unit) => (unit.includes(" ") ? [unit.indexOf(" ") + 1, unit.length] : undefined),
    },
  }).room!(SIZE);
  const line = (header: string, sequence: number, tag = TAG) => {
    const message = new Uint8Array(SIZE);
    writeMessage(new DataView(message.buffer), 0, SIZE, tag, 1, sequence, 10);
    return Buffer.concat([Buffer.from(`${header} `), message, Buffer.from("\n")]);
  };
  const read = (...chunks: Uint8Array[]) => {
    const got: string[] = [];
    const reader = createReader({
      wire,
      messageBytes: SIZE,
      tag: TAG,
      onMessage: (_, sender, sequence) => void got.push(`${sender}/${sequence}`),
      onMark: (_, sender, mark) => void got.push(`mark ${mark} of ${sender}`),
      onCorrupt: (_, { sender, sequence }) => void got.push(named("corrupt", sender, sequence)),
      onUnexpected: () => void got.push("unexpected"),
      onUnreadable: (reason) => void got.push(reason.split(":")[0]),
    });
    reader.expectPrefixes(speakers.map((speaker) => wire.deliveryPrefix(speaker)));
    const receiver = createReceiver(0);
    for (const chunk of chunks) reader.read(receiver, chunk);
    return got;
  };

  test("finds every message, cut at any byte, and a mark", () => {
    const whole = Buffer.concat([line("1", 0), line("4711", 1), line("x", 0, markTag(TAG)), line("7", 2)]);
    for (let cut = 0; cut <= whole.length; cut++)
      expect(read(whole.subarray(0, cut), whole.subarray(cut))).toEqual([
        "1/0",
        "1/1",
        "mark 10 of 1",
        "1/2",
      ]);
  });

  test("sees any changed bit of the message", () => {
    for (let at = 0; at < SIZE; at++) {
      const changed = line("12", 0);
      changed[3 + at] ^= 1;
      const got = read(changed, line("13", 1));
      expect(got.length).toBe(2);
      expect(got[0].split(" ")[0]).toBeOneOf(["corrupt", "unexpected"]);
      expect(got[1]).toBe("1/1");
    }
  });

  test("holds a right message that it does not find against nobody", () => {
    const [reason] = read(line("two words", 0));
    expect(reason).toBe("room.find does not find the message that stands at byte 10 of a delivery");
  });
});
