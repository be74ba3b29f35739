/** Payloads are relayed unchanged up to 1,024 bytes; longer ones are dropped, and their sender notified. */
import { MAX_PAYLOAD_BYTES, MAX_UDP_PAYLOAD_BYTES, oversizeNotice } from "../../protocols/relay.ts";
import { datagram, holds, nothing } from "../expect.ts";
import { sleep, type UdpPeer, until } from "../peer.ts";
import { heardBy, type RelayRule, register, relayed } from "./peers.ts";

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 31 + 7) & 0xff);

/** A datagram of this size is dropped, and only its sender notified. */
const refused = (size: number): RelayRule["run"] =>
  async function run(t) {
    const [alice, bob] = await register(t, 2);
    alice.send(bytes(size));
    await datagram(alice, oversizeNotice(size));
    await nothing([bob]);
  };

/** A datagram of this size is relayed whole. */
const whole = (size: number): RelayRule["run"] =>
  async function run(t) {
    const [alice, bob] = await register(t, 2);
    alice.send(bytes(size));
    await heardBy([bob], alice, bytes(size));
    await nothing([alice]);
  };

export const payload: RelayRule[] = [
  {
    number: "2.1",
    title: "arbitrary bytes",
    requirement: "The payload MUST be relayed byte for byte, whatever it contains.",
    level: "MUST",
    run: whole(256),
  },
  {
    number: "2.2",
    title: "one byte",
    requirement: "A datagram of one byte MUST be relayed.",
    level: "MUST",
    run: whole(1),
  },
  {
    number: "2.3",
    title: "newlines are data",
    requirement: "A newline in a datagram MUST neither be stripped nor split it.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      for (const text of ["line\n", "two\nlines\n", "\r\n", "\n", " blanks ", "\0"]) {
        alice.send(text);
        await heardBy([bob], alice, text);
      }
    },
  },
  {
    number: "2.4",
    title: "513 bytes",
    requirement: "A datagram of 513 bytes MUST be relayed whole.",
    level: "MUST",
    run: whole(513),
  },
  {
    number: "2.5",
    title: "1,023 bytes",
    requirement: "A datagram of 1,023 bytes MUST be relayed whole.",
    level: "MUST",
    run: whole(MAX_PAYLOAD_BYTES - 1),
  },
  {
    number: "2.6",
    title: "1,024 bytes, the limit",
    requirement: "A datagram of 1,024 bytes MUST be relayed whole.",
    level: "MUST",
    run: whole(MAX_PAYLOAD_BYTES),
  },
  {
    number: "2.7",
    title: "1,025 bytes, over the limit",
    requirement: "A datagram of 1,025 bytes MUST be dropped, not truncated, and its sender notified.",
    level: "MUST",
    run: refused(MAX_PAYLOAD_BYTES + 1),
  },
  {
    number: "2.8",
    title: "the largest datagram",
    requirement:
      "A datagram of 65,507 bytes MUST be dropped, not truncated, and its sender notified of its true size.",
    level: "MUST",
    run: refused(MAX_UDP_PAYLOAD_BYTES),
  },
  {
    number: "2.9",
    title: "at most one notice per second",
    requirement: "The sender of many oversize datagrams MUST be notified at most once per second.",
    level: "MUST",
    async run(t) {
      const [alice] = await register(t, 2);
      for (let i = 0; i < 10; i++) alice.send(bytes(2000));
      await datagram(alice, oversizeNotice(2000));
      await nothing([alice]);
    },
  },
  {
    number: "2.10",
    title: "another notice a second later",
    requirement: "After one second the sender MUST be notified again.",
    level: "MUST",
    async run(t) {
      const [alice] = await register(t, 2);
      alice.send(bytes(2000));
      await datagram(alice, oversizeNotice(2000));
      await sleep(1050);
      alice.send(bytes(3000));
      await datagram(alice, oversizeNotice(3000));
    },
  },
  {
    number: "2.11",
    title: "after an oversize datagram",
    requirement: "An oversize datagram MUST NOT prevent its sender's later ones from being relayed.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      alice.send(bytes(5000));
      alice.send("shorter");
      await heardBy([bob], alice, "shorter");
    },
  },
  {
    number: "2.12",
    title: "a notice to each sender",
    requirement: "Every sender of an oversize datagram MUST be notified, not only the first.",
    level: "MUST",
    async run(t) {
      const peers = await register(t, 2);
      for (const peer of peers) peer.send(bytes(1500));
      for (const peer of peers) await datagram(peer, oversizeNotice(1500));
    },
  },
  {
    number: "2.13",
    title: "a burst of 40",
    requirement: "Forty small datagrams in a row MUST all be relayed on loopback, once, whole and in order.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      const texts = Array.from({ length: 40 }, (_, i) => `datagram ${i}`);
      for (const text of texts) alice.send(text);
      await all(bob, alice, texts);
      await nothing([bob]);
    },
  },
  {
    number: "2.14",
    title: "two senders at once",
    requirement: "When two clients send at once, every datagram MUST carry its own sender's address.",
    level: "MUST",
    async run(t) {
      const [alice, bob, carol] = await register(t, 3);
      for (let i = 0; i < 9; i++) for (const author of [alice, bob]) author.send(`${author.name} ${i}`);
      await until(carol, t.timeout, () => carol.datagrams.length >= 18);
      await sleep(20);
      const came = carol.datagrams.splice(0).map(String).sort();
      const wish = [alice, bob].flatMap((author) =>
        Array.from({ length: 9 }, (_, i) => relayed(author, `${author.name} ${i}`).toString()),
      );
      const missing = wish.filter((text) => !came.includes(text));
      holds(
        missing.length === 0,
        `carol receives "${missing[0]}"`,
        `received ${came.length} datagrams without it`,
      );
      holds(came.length === wish.length, `${wish.length} datagrams`, `received ${came.length}`);
    },
  },
];

async function all(listener: UdpPeer, author: UdpPeer, texts: readonly string[]): Promise<void> {
  for (const text of texts) await heardBy([listener], author, text);
}
