/** mosquitto's traps, on a real mosquitto: what it drops without a word, and what it sends again. */
import { expect } from "bun:test";
import { createLedger } from "../../clients/ledger.ts";
import { createReader, createReceiver } from "../../clients/reader.ts";
import { capabilityOf } from "../../protocols/index.ts";
import { writeMessage } from "../../protocols/stamp.ts";
import type { RawClient } from "../../servers/testing.ts";
import type { ServerUnderTest } from "../server.ts";
import { connected, room, started, withServer } from "./testing.ts";

const TOPIC = "flood";
/** Packets of MQTT 3.1.1 by hand: what is tested is not to be read by what reads it. */
const text = (value: string) => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);
function packet(type: number, ...parts: Uint8Array[]): Buffer {
  const rest = Buffer.concat(parts);
  const length = rest.length < 128 ? [rest.length] : [(rest.length & 127) | 128, rest.length >> 7];
  return Buffer.concat([Buffer.of(type, ...length), rest]);
}
const hello = (id: string, clean: boolean) =>
  packet(0x10, text("MQTT"), Buffer.of(4, clean ? 2 : 0, 0, 0), text(id));
const subscribe = (qos: number) => packet(0x82, Buffer.of(0, 1), text(TOPIC), Buffer.of(qos));
const publish = (body: Uint8Array, id?: number) =>
  id === undefined
    ? packet(0x30, text(TOPIC), body)
    : packet(0x32, text(TOPIC), Buffer.of(id >> 8, id & 255), body);
const PING = Buffer.of(0xc0, 0);
const PONG = Buffer.of(0xd0, 0);

async function client(server: ServerUnderTest, id: string, qos?: 0 | 1, clean = true): Promise<RawClient> {
  const one = await connected(server);
  one.write(hello(id, clean));
  await one.until(() => one.received() >= 4, "CONNACK");
  if (qos === undefined) return one;
  one.write(subscribe(qos));
  await one.until(() => one.received() >= 9, "SUBACK");
  return one;
}

/** Once it has answered this, it has taken all that was said before. */
async function settled(one: RawClient): Promise<void> {
  one.write(PING);
  await one.until(() => one.bytes().subarray(-2).equals(PONG), "PINGRESP");
}

const limited = (messages: number) => (command: string) =>
  command.replace("persistence false", `max_queued_messages ${messages}\\npersistence false`);

withServer(
  "mosquitto",
  "QoS 0: what a subscriber does not read is dropped past the queue, and nobody is told",
  async () => {
    const server = await started("mosquitto");
    const stuck = await client(server, "stuck", 0);
    stuck.socket.pause();
    const producer = await client(server, "producer");
    // More than the kernel keeps for one connection, both ways, and the 1,000 of the queue.
    const [count, body] = [24_000, Buffer.alloc(1024, 120)];
    const delivery = publish(body);
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => delivery));
    for (let sent = 0; sent < count; sent += 1000) await producer.send(thousand);
    await settled(producer);
    stuck.socket.resume();
    // It stands: of what is said now, once it has caught up, all comes.
    const end = publish(Buffer.from("the end"));
    const saying = setInterval(() => producer.write(end), 50);
    await stuck.until(() => stuck.bytes().subarray(-end.length).equals(end), "the end");
    clearInterval(saying);
    const came = Math.floor((stuck.received() - 9) / delivery.length);
    expect(came).toBeGreaterThan(1000);
    expect(came).toBeLessThan(count);
  },
);

withServer(
  "mosquitto",
  "QoS 1: what it drops past its queue is counted to the last one, and its connections stand",
  async () => {
    const drive = await room(await started("mosquitto-qos1", limited(10)), "mqtt/qos1", { window: 256 });
    await drive.slice(100);
    const { counts, connectionsLost } = await drive.finish();
    expect(counts.lost).toBeGreaterThan(0);
    // A sender's last word may be dropped too: what stood before it may then only be late.
    expect(counts.delivered + counts.lost + counts.undelivered).toBe(counts.expected);
    expect(counts).toMatchObject({ corrupt: 0, unexpected: 0, duplicated: 0 });
    expect(connectionsLost.count).toBe(0);
  },
);

withServer("mosquitto", "QoS 1: the room acknowledges each delivery, and gets all of them", async () => {
  const drive = await room(await started("mosquitto-qos1"), "mqtt/qos1");
  expect((await drive.slice(50)).done).toBeGreaterThan(0);
  const { counts } = await drive.finish();
  // Far more than may be in flight without an acknowledgement.
  expect(counts.delivered).toBeGreaterThan(20 * 10);
  expect(counts.delivered).toBe(counts.expected);
});

withServer(
  "mosquitto",
  "QoS 1: 20 are in flight; who acknowledges none gets no more, and the publisher is not told",
  async () => {
    const server = await started("mosquitto-qos1");
    const silent = await client(server, "silent", 1);
    const producer = await client(server, "producer");
    const delivery = publish(Buffer.from("hi"), 1).length;
    for (let id = 1; id <= 100; id++) producer.write(publish(Buffer.from("hi"), id));
    await settled(producer);
    // CONNACK, an acknowledgement of each, and the pong.
    expect(producer.received()).toBe(4 + 100 * 4 + 2);
    await silent.until(() => silent.received() >= 9 + 20 * delivery, "20 deliveries");
    await settled(silent);
    expect(silent.received()).toBe(9 + 20 * delivery + 2);
    silent.write(Buffer.of(0x40, 2, 0, 1));
    await silent.until(() => silent.received() >= 9 + 21 * delivery + 2, "the next one");
    await settled(silent);
    // How many more a single acknowledgement lets through is its own affair: 2.0.11 sends another 20.
    expect(silent.received()).toBeLessThan(9 + 100 * delivery);
  },
);

withServer(
  "mosquitto",
  "QoS 1: what was not acknowledged comes again, and counts as repeated alone",
  async () => {
    const server = await started("mosquitto-qos1");
    const first = await client(server, "again", 1, false);
    const producer = await client(server, "producer");
    const [tag, bytes, count] = [0x1234, 64, 5];
    const said = Array.from({ length: count }, (_, sequence) => {
      const body = Buffer.alloc(bytes);
      writeMessage(new DataView(body.buffer, body.byteOffset, bytes), 0, bytes, tag, 0, sequence, 0);
      return publish(body, sequence + 1);
    });
    producer.write(Buffer.concat(said));
    const all = said.reduce((sum, one) => sum + one.length, 0);
    await first.until(() => first.received() >= 9 + all, "all of them");
    first.reset();
    const second = await connected(server);
    second.write(hello("again", false));
    await second.until(() => second.received() >= 4 + all, "all of them again");

    const again = second.bytes().subarray(4);
    expect(again[0] & 8).toBe(8); // DUP
    const ledger = createLedger({ receivers: 1, senders: 1, hears: () => true });
    const acknowledged: Uint8Array[] = [];
    const reader = createReader({
      wire: capabilityOf("mqtt/qos1", "room")(bytes, TOPIC),
      messageBytes: bytes,
      tag,
      onMessage: (receiver, sender, sequence) => void ledger.enter(receiver, sender, sequence),
      onMark() {},
      answer: (_, answer) => void acknowledged.push(answer),
      onCorrupt: ledger.corrupt,
      onUnexpected: ledger.unexpected,
    });
    const receiver = createReceiver(0);
    reader.expectPrefixes([new Uint8Array(0)]);
    for (const chunk of [first.bytes().subarray(9), again]) reader.read(receiver, chunk);
    ledger.close([count]);
    expect(ledger.counts).toEqual({
      ...{ delivered: count, duplicated: count },
      ...{ lost: 0, undelivered: 0, reordered: 0, corrupt: 0, unexpected: 0 },
    });
    expect(acknowledged).toHaveLength(2 * count);
  },
);
