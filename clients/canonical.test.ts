/**
 * The same recorded streams are read twice: each message by itself, and with the bytes of all receivers compared with
 * what one reader has verified. Everything that is told must be the same, in the same order.
 */
import { describe, expect, test } from "bun:test";
import { seededRandom, shuffled } from "../platform/random.ts";
import { defineProtocol } from "../protocols/define.ts";
import type { Unit } from "../protocols/definition.ts";
import { framed, ignore, lengthPrefixed, lines } from "../protocols/framing.ts";
import { allProtocols } from "../protocols/index.ts";
import type { Protocol, Room, Transport } from "../protocols/protocol.ts";
import { markTag, writeMessage } from "../protocols/stamp.ts";
import { encodeFrame } from "../protocols/websocket.ts";
import { createArrivals } from "./arrivals.ts";
import { createCanonical, createFollower } from "./canonical.ts";
import { createLedger, faultKinds } from "./ledger.ts";
import { createReader, createReceiver, marks } from "./reader.ts";
import { createWindows } from "./windows.ts";

const TAG = 0x51ac;
const SENDERS = 3;
const RECEIVERS = 5;

/** What one receiver got by one read. */
type Read = { receiver: number; bytes: Uint8Array };
type Recording = { wire: Room; messageBytes: number; messages: number; reads: Read[] };

/** Everything that is told of a recording: each call in its order, and what the books say in the end. */
function told({ wire, messageBytes, messages, reads }: Recording, alone: boolean) {
  const events: [kind: string, ...told: unknown[]][] = [];
  const { echoesToSender, ordered, mayLose } = wire.promises;
  const hears = (receiver: number, sender: number) => echoesToSender || receiver !== sender;
  const windows = createWindows({
    senders: Array.from({ length: SENDERS }, (_, i) => i),
    window: messages,
    receivers: RECEIVERS - (echoesToSender ? 0 : 1),
    send: (...sent) => events.push(["sends", ...sent]) > 0,
  });
  windows.start();
  const ledger = createLedger({
    receivers: RECEIVERS,
    senders: SENDERS,
    ordered: ordered !== false || mayLose,
    hears,
    onPassedOver(sender, sequence) {
      events.push(["passed over", sender, sequence]);
      windows.arrived(sender, sequence);
    },
  });
  const arrivals = createArrivals(SENDERS, 5, SENDERS * messages);
  let at = 0;
  const reader = createReader({
    wire,
    messageBytes,
    tag: TAG,
    alone,
    onMessage(receiver, sender, sequence, time) {
      const isNew = ledger.enter(receiver, sender, sequence);
      events.push(["message", receiver, sender, sequence, time, isNew]);
      if (!isNew) return;
      arrivals.arrived(sender, sequence, time, at);
      windows.arrived(sender, sequence);
    },
    onMark(receiver, sender, mark) {
      events.push(["mark", receiver, sender, mark]);
      if (mark === marks.end) ledger.end(receiver, sender);
    },
    answer: (receiver, bytes) => events.push(["answer", receiver, Buffer.from(bytes).toString("hex")]),
    onUnreadable: (reason) => events.push(["unreadable", reason]),
    onCorrupt(receiver, unit) {
      events.push(["corrupt", receiver, unit]);
      ledger.corrupt(receiver, unit);
    },
    onUnexpected(receiver, unit) {
      events.push(["unexpected", receiver, unit]);
      ledger.unexpected(receiver, unit);
    },
  });
  reader.expectPrefixes(prefixesOf(wire));
  const receivers = Array.from({ length: RECEIVERS }, (_, index) => createReceiver(index));
  for (const { receiver, bytes } of reads) {
    at += 1000;
    reader.read(receivers[receiver], bytes);
  }
  ledger.close(Array.from({ length: SENDERS }, () => messages));
  windows.stop();
  return { events, counts: ledger.counts, witnesses: ledger.witnesses, latencies: arrivals.report() };
}

/** Addresses of different lengths. */
const prefixesOf = (wire: Room) =>
  Array.from({ length: SENDERS }, (_, i) =>
    wire.deliveryPrefix({ address: `127.0.0.1:${[9, 54_321, 808][i]}`, id: 7 + i * 90 }),
  );

const encode = (text: string) => new Uint8Array(Buffer.from(text));

/** What a server may say besides: notices, a stranger's words, pings, words without an end of their own. */
const besides: Record<Transport, Uint8Array[]> = {
  tcp: [
    "Welcome 12\n",
    "User:3has left\n",
    "[SERVER] Client 2 joined the chat.\n",
    "nobody said this\n",
    "\n",
  ].map(encode),
  udp: ["[127.0.0.1:9]: ", "who said this?"].map(encode),
  ws: [
    encodeFrame(0x89, "ping"),
    encodeFrame(0x81, "who said this?"),
    encodeFrame(0x82, ""),
    encodeFrame(0x01, "the first half"),
  ],
};

/** A protocol, and how its servers talk where that does not follow from it. */
type Subject = {
  protocol: Protocol;
  besides?: Uint8Array[];
  /** What stands around a message where the header varies. */
  around?: (receiver: number, sender: number, sequence: number) => [before: string, behind: string];
};

const answers = new Map<string, string | typeof ignore>([
  ["PING", "PONG"],
  ["INFO", ignore],
]);
const control = (unit: Unit) => answers.get(unit.toString("latin1", 0, 9));

/** Of a header that varies: the message stands between the first blank and the last bar. */
const find = (unit: Unit) => [unit.indexOf(" ") + 1, unit.lastIndexOf("|")] as const;

/** A control unit may stand anywhere in them. */
const withControl = ({ framing }: Protocol) =>
  ["PING", "INFO", "nobody said this"].map((text) => framed(framing.heard, encode(text)));

const pinging = defineProtocol({
  name: "pinging",
  framing: lines(),
  control,
  room: { say: () => ({}), hear: (_topic, bytes, { address }) => ({ prefix: `MSG ${address} ${bytes} ` }) },
});
const lengths = defineProtocol({
  name: "lengths",
  framing: lengthPrefixed({ bytes: 2 }),
  control,
  room: { say: () => ({}), hear: (_topic, _bytes, { id }) => ({ prefix: `${id}>`, suffix: "!" }) },
});
/** Each message has a header of its own, the same for all who hear it. */
const numbered = defineProtocol({
  name: "numbered",
  framing: lengthPrefixed({ bytes: 4, endian: "little", includesSelf: true }),
  control,
  room: { say: () => ({}), hear: () => ({ prefix: "7 ", suffix: "|" }), find },
  promises: { mayDuplicate: true },
});
/** Some receivers have a header of their own, others have the same. */
const personal = defineProtocol({
  name: "personal",
  framing: lines(),
  control,
  room: { say: () => ({}), hear: () => ({ prefix: "s7 ", suffix: "|" }), find },
  promises: { mayDuplicate: true, ordered: false, echoesToSender: true },
});

const subjects: Subject[] = [
  ...allProtocols()
    .filter(({ room }) => room)
    .map((protocol) => ({ protocol })),
  { protocol: pinging, besides: withControl(pinging) },
  { protocol: lengths, besides: withControl(lengths) },
  {
    protocol: numbered,
    besides: withControl(numbered),
    around: (_, sender, sequence) => [`${sequence * SENDERS + sender} `, `|${".".repeat(sequence % 3)}`],
  },
  {
    protocol: personal,
    besides: withControl(personal),
    around: (receiver) => [`s${receiver % 2 === 0 ? 4 : receiver * 7} `, "|"],
  },
];

type Script = {
  besides: readonly Uint8Array[];
  random: () => number;
  unit: (sender: number, sequence: number, tag?: number) => Uint8Array;
};

/** What befalls one receiver's units, each by its name. */
const perils: Record<string, (units: Uint8Array[], i: number, script: Script) => void> = {
  lost: (units, i) => void units.splice(i, 1),
  "lost in a row": (units, i) => void units.splice(i, 7),
  duplicated: (units, i) => void units.splice(i, 0, units[i]),
  "a stretch duplicated": (units, i) => void units.splice(i, 0, ...units.slice(Math.max(0, i - 9), i)),
  late: (units, i) => void units.push(...units.splice(i, 1)),
  swapped: (units, i) => void units.splice(i, 2, ...units.slice(i, i + 2).reverse()),
  "a byte changed": (units, i, { random }) => void units.splice(i, 1, changed(units[i], random)),
  "with more behind it": (units, i) =>
    void units.splice(i, 1, new Uint8Array(Buffer.concat([units[i], encode("more")]))),
  "cut short": (units, i, { random }) =>
    void units.splice(i, 1, units[i].subarray(0, Math.floor(random() * units[i].length))),
  "from another run": (units, i, { unit }) => void units.splice(i, 0, unit(1, 3, 0x1234)),
  "never sent": (units, i, { unit }) => void units.splice(i, 0, unit(2, 200)),
  "an end mark": (units, i, { unit }) => void units.splice(i, 0, unit(1, 0, markTag(TAG))),
  besides: (units, i, { besides, random }) =>
    void units.splice(i, 0, besides[Math.floor(random() * besides.length)]),
};

function changed(unit: Uint8Array, random: () => number): Uint8Array {
  const bytes = unit.slice();
  bytes[Math.floor(random() * bytes.length)] ^= 1 << Math.floor(random() * 8);
  return bytes;
}

type Generated = Subject & {
  seed: number;
  messageBytes?: number;
  messages?: number;
  perils?: string[];
  /** How many of the receivers get the room's messages in an order of their own. */
  ownOrders?: number;
};

/** Streams of all receivers, from one order of the room, with what befalls each, cut anywhere, in any order of reads. */
function generate({
  protocol,
  around,
  besides: talk = besides[protocol.transport],
  seed,
  messageBytes = 40,
  messages = 60,
  perils: chosen,
  ownOrders = 0.2,
}: Generated): Recording {
  const random = seededRandom(seed);
  const wire = protocol.room!(messageBytes);
  const prefixes = prefixesOf(wire);
  const unitTo = (receiver: number, sender: number, sequence: number, tag = TAG) => {
    const message = new Uint8Array(messageBytes);
    const time = tag === TAG ? (sequence * SENDERS + sender) * 100 : marks.end;
    writeMessage(new DataView(message.buffer), 0, messageBytes, tag, sender, sequence, time);
    if (!around) return new Uint8Array(Buffer.concat([prefixes[sender], message, wire.deliverySuffix]));
    const [before, behind] = around(receiver, sender, sequence).map(encode);
    return framed(wire.framing.heard, Buffer.concat([before, message, behind]));
  };
  const order = roomOrder(messages, random);
  const names = chosen ?? Object.keys(perils);
  const streams = Array.from({ length: RECEIVERS }, (_, receiver) => {
    const unit: Script["unit"] = (...which) => unitTo(receiver, ...which);
    const itsOrder = random() < ownOrders ? roomOrder(messages, random) : order;
    const leavesOut = !wire.promises.echoesToSender && random() < 0.9;
    const units = itsOrder
      .filter(([sender]) => !(leavesOut && sender === receiver))
      .map(([sender, sequence]) => unit(sender, sequence));
    for (let times = Math.floor(random() * 4); times > 0 && names.length > 0; times--)
      perils[names[Math.floor(random() * names.length)]](units, Math.floor(random() * (units.length - 1)), {
        besides: talk,
        random,
        unit,
      });
    return protocol.transport === "udp" ? units : cutAnywhere(Buffer.concat(units), random);
  });
  return { wire, messageBytes, messages, reads: interleave(streams, random) };
}

/** Messages of all senders, in runs; each sender's in their order. */
function roomOrder(messages: number, random: () => number): [sender: number, sequence: number][] {
  const next = new Array<number>(SENDERS).fill(0);
  const order: [number, number][] = [];
  while (next.some((sequence) => sequence < messages)) {
    const sender = Math.floor(random() * SENDERS);
    for (let run = 1 + random() ** 3 * 20; run > 0 && next[sender] < messages; run--)
      order.push([sender, next[sender]++]);
  }
  return order;
}

function cutAnywhere(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const most = 1 + random() ** 3 * bytes.length;
  const parts: Uint8Array[] = [];
  for (let at = 0, to = 0; at < bytes.length; at = to) {
    to = at + 1 + Math.floor(random() * most);
    parts.push(bytes.subarray(at, to));
  }
  return parts;
}

/** Each receiver's reads in their order, all receivers' in any. */
function interleave(streams: Uint8Array[][], random: () => number): Read[] {
  const turns = streams.flatMap((parts, receiver) => parts.map(() => receiver));
  const next = streams.map(() => 0);
  return shuffled(turns.length, random)
    .map((turn) => turns[turn])
    .map((receiver) => ({ receiver, bytes: streams[receiver][next[receiver]++] }));
}

/** The second is worth comparing alone, as a datagram is. */
const sizes = [40, 300];

function expectTheSame(recording: Recording): ReturnType<typeof told> {
  const alone = told(recording, true);
  expect(told(recording, false)).toEqual(alone);
  return alone;
}

const named = subjects.map((subject) => [subject.protocol.name, subject] as const);

describe.each(named)("of %s the books are those of a reader alone", (_, subject) => {
  test("whatever befalls the receivers, in whatever pieces it comes", () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const { counts } = expectTheSame(generate({ ...subject, seed, messageBytes: sizes[seed % 2] }));
      for (const kind of [...faultKinds, "delivered"] as const) if (counts[kind] > 0) found.add(kind);
    }
    // The recordings are worth reading only if they hold every kind of fault; without an order nothing is surely lost.
    const { ordered, mayLose } = subject.protocol.promises;
    if (ordered === false && !mayLose) found.add("lost");
    expect(found).toEqual(new Set([...faultKinds, "delivered"]));
  });

  test.each(Object.keys(perils))("where it is one alone: %s", (peril) => {
    for (let seed = 0; seed < 8; seed++)
      expectTheSame(generate({ ...subject, seed, messageBytes: sizes[seed % 2], perils: [peril] }));
  });

  test("where each receiver has an order of its own", () => {
    for (let seed = 0; seed < 3; seed++)
      expectTheSame(generate({ ...subject, seed, messages: 1200, ownOrders: 1 }));
  });

  test("with more than is kept, and receivers far behind", () => {
    expectTheSame(generate({ ...subject, seed: 1, messageBytes: 9000, messages: 150 }));
  });
});

/** Units of one sender, as they stand in a reader's buffer, and a canonical stream that has them. */
function known(units: number, unitBytes: number) {
  const scratch = new Uint8Array(2 * units * unitBytes);
  const view = new DataView(scratch.buffer);
  const got: number[] = [];
  const canonical = createCanonical({
    scratch,
    view,
    guardBytes: 4,
    onMessage: (_, __, sequence) => void got.push(sequence),
  });
  const first = createFollower(0);
  for (let i = 0; i < units; i++) {
    writeMessage(view, i * unitBytes, unitBytes, TAG, 1, i, i);
    canonical.verified(first, i * unitBytes, (i + 1) * unitBytes, { sender: 1, sequence: i, time: i });
  }
  return { scratch, canonical, got };
}

test("what another has got is taken at once, up to the byte that differs, wherever that is", () => {
  const [units, unitBytes] = [40, 64];
  for (let at = 0; at < units * unitBytes; at += 13) {
    const { scratch, canonical, got } = known(units, unitBytes);
    scratch[at] ^= 4;
    const receiver = createFollower(1);
    const end = units * unitBytes;
    for (let from = 0, next = 1; next > 0; from = next) {
      next = canonical.follow(receiver, from, end);
      if (next === from) break;
    }
    const right = Math.floor(at / unitBytes);
    expect(got.length).toBeLessThanOrEqual(right);
    // What is too little to be worth a comparison is left to the reader.
    expect(got.length).toBeGreaterThan(right - 6);
    expect(got).toEqual(Array.from({ length: got.length }, (_, i) => i));
  }
});

/** How often, and how many, bytes are compared by native calls while this runs. */
function comparisons(work: () => void): { calls: number; bytes: number } {
  const done = { calls: 0, bytes: 0 };
  const compare = Buffer.prototype.compare;
  Buffer.prototype.compare = function (this: Buffer, ...args: Parameters<Buffer["compare"]>) {
    done.calls++;
    done.bytes += args[2]! - args[1]!;
    return compare.apply(this, args);
  } as typeof compare;
  try {
    work();
  } finally {
    Buffer.prototype.compare = compare;
  }
  return done;
}

/** What two receivers get: the messages of one sender, and a ping in the middle of what the second one gets. */
function twoReceivers({ protocol, besides: [ping] = [], around }: Subject, messages: number): Recording {
  const wire = protocol.room!(300);
  const unit = (receiver: number, sequence: number) => {
    const message = new Uint8Array(300);
    writeMessage(new DataView(message.buffer), 0, 300, TAG, 2, sequence, 1);
    if (!around) return Buffer.concat([prefixesOf(wire)[2], message, wire.deliverySuffix]);
    const [before, behind] = around(receiver, 2, sequence).map(encode);
    return framed(wire.framing.heard, Buffer.concat([before, message, behind]));
  };
  const units = [0, 1].map((receiver) => Array.from({ length: messages }, (_, i) => unit(receiver, i)));
  units[1].splice(messages / 2, 0, ping!);
  const reads = units.map((list, receiver) => ({ receiver, bytes: new Uint8Array(Buffer.concat(list)) }));
  return { wire, messageBytes: 300, messages, reads };
}

const subjectOf = (protocol: Protocol) => subjects.find((subject) => subject.protocol === protocol)!;

test.each([
  ["pinging", subjectOf(pinging)],
  ["lengths", subjectOf(lengths)],
  ["numbered", subjectOf(numbered)],
] as const)("of %s a ping in the middle is answered, and what stands around it is compared", (_, subject) => {
  const recording = twoReceivers(subject, 40);
  const done = comparisons(() => {
    const { events } = told(recording, false);
    expect(events.filter(([kind]) => kind === "answer")).toHaveLength(1);
    expect(events.filter(([kind]) => kind === "message")).toHaveLength(80);
  });
  expect(done.bytes).toBeGreaterThan(0.9 * recording.reads[1].bytes.length);
  expectTheSame(recording);
});

test("where each receiver has headers of its own, the reader is soon left alone", () => {
  const recording = twoReceivers(subjectOf(personal), 2000);
  expect(comparisons(() => void told(recording, false)).calls).toBeLessThan(200);
  expectTheSame(recording);
});

test("bytes that are all right up to their last word cost no more comparisons than there are bytes", () => {
  const [units, unitBytes] = [4000, 64];
  const { scratch, canonical } = known(units, unitBytes);
  for (let i = 0; i < units; i++) scratch[i * unitBytes + 30] ^= 1;
  const receiver = createFollower(1);
  const end = units * unitBytes;
  const compared = comparisons(() => {
    for (let i = 0; i < units; i++) {
      expect(canonical.follow(receiver, i * unitBytes, end)).toBe(i * unitBytes);
      canonical.verified(receiver, i * unitBytes, (i + 1) * unitBytes, { sender: 2, sequence: i, time: i });
    }
  });
  expect(compared.bytes).toBeLessThan(8 * end);
});
