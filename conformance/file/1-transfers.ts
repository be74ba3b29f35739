/** Transfers that succeed: the name, the answer, the body, the confirmation. */
import { closed, exactly, holds, nothing } from "../expect.ts";
import { sleep } from "../peer.ts";
import {
  accepted,
  bytes,
  confirmed,
  contentOf,
  type FileRule,
  filesOf,
  freshName,
  padded,
  sha256,
  transfer,
} from "./transfers.ts";

export const fileTransfers: FileRule[] = [
  {
    number: "1.1",
    title: "a small file",
    requirement: "A body MUST be confirmed with its size and SHA-256 on one line, followed by a close.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      await transfer(t, Buffer.from("hello, file\n"));
    },
  },
  {
    number: "1.2",
    title: "an empty file",
    requirement: "An empty body MUST be accepted as an empty file.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      await transfer(t, new Uint8Array(0));
    },
  },
  {
    number: "1.3",
    title: "all byte values",
    requirement: "A body MUST be received byte for byte, whatever it contains.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      await transfer(t, bytes(256 * 5));
    },
  },
  {
    number: "1.4",
    title: "3 MB",
    requirement: "A body larger than any buffer MUST be received whole.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      await transfer(t, bytes(3_000_000));
    },
  },
  {
    number: "1.5",
    title: "the file on disk",
    requirement: "The file MUST contain the bytes that were sent, under the name that was sent.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const name = await transfer(t, bytes(70_000));
      const content = await contentOf(t, name);
      holds(
        sha256(content) === sha256(bytes(70_000)),
        "the bytes that were sent",
        `${content.length} bytes that differ`,
      );
    },
  },
  {
    number: "1.6",
    title: "a name split across reads",
    requirement:
      "The name MUST NOT be answered before all of its 1,024 bytes have arrived, in however many reads.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      const block = padded(freshName());
      for (const [from, to] of [
        [0, 5],
        [5, 600],
        [600, 1023],
      ]) {
        alice.send(block.subarray(from, to));
        await sleep(20);
      }
      await nothing([alice]);
      alice.send(block.subarray(1023));
      await accepted(alice);
      alice.finish();
      await confirmed(alice, new Uint8Array(0));
    },
  },
  {
    number: "1.7",
    title: "a one-byte answer",
    requirement: "The name MUST be answered with one byte, Y, and nothing more before the body has ended.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(padded(freshName()));
      await accepted(alice);
      await nothing([alice]);
      alice.send("abc");
      await nothing([alice]);
      alice.finish();
      await confirmed(alice, Buffer.from("abc"));
    },
  },
  {
    number: "1.8",
    title: "a body in small writes",
    requirement: "The body MUST be reassembled in order, however it is split.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(padded(freshName()));
      await accepted(alice);
      for (let at = 0; at < 20_000; at += 997) {
        alice.send(bytes(20_000).subarray(at, at + 997));
        if (at % 5 === 0) await sleep(1);
      }
      alice.finish();
      await confirmed(alice, bytes(20_000));
    },
  },
  {
    number: "1.9",
    title: "two transfers at once",
    requirement: "Concurrent transfers MUST NOT affect each other.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const [alice, bob] = [await t.tcp("alice"), await t.tcp("bob")];
      alice.send(padded(freshName()));
      bob.send(padded(freshName()));
      await Promise.all([accepted(alice), accepted(bob)]);
      for (let i = 0; i < 10; i++) {
        alice.send(`alice ${i};`);
        bob.send(`bob ${i};`);
        await sleep(1);
      }
      const all = (name: string) =>
        Buffer.from(Array.from({ length: 10 }, (_, i) => `${name} ${i};`).join(""));
      alice.finish();
      bob.finish();
      await confirmed(alice, all("alice"));
      await confirmed(bob, all("bob"));
    },
  },
  {
    number: "1.10",
    title: "spaces and other scripts in a name",
    requirement: "A UTF-8 name MUST be accepted, with spaces and dots in it.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const name = `Grüße, 世界 ${freshName()}`;
      await transfer(t, bytes(3), name);
    },
  },
  {
    number: "1.11",
    title: "no file before the end",
    requirement: "A file MUST NOT appear under its name before its last byte has arrived.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const name = freshName();
      const alice = await t.tcp("alice");
      alice.send(padded(name));
      await accepted(alice);
      alice.send(bytes(5000));
      await sleep(60);
      holds(
        !(await filesOf(t)).includes(name),
        `no file ${name} before the end of the body`,
        "it exists already",
      );
      alice.finish();
      await confirmed(alice, bytes(5000));
      holds((await filesOf(t)).includes(name), `a file ${name}`, "it does not exist");
    },
  },
  {
    number: "1.12",
    title: "a body right after the name",
    requirement: "A body that is sent without waiting for the answer SHOULD be accepted.",
    level: "SHOULD",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(Buffer.concat([padded(freshName()), bytes(100)]));
      alice.finish();
      await exactly(alice, "Y");
      await confirmed(alice, bytes(100));
      await closed(alice, "fin");
    },
  },
];
