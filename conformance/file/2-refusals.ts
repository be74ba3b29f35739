/** Names that are refused, and transfers that break: nothing is left of them. */
import { closed, holds } from "../expect.ts";
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
  refused,
  sha256,
  transfer,
} from "./transfers.ts";

const refusal = (
  number: string,
  title: string,
  why: string,
  name: () => string | Uint8Array,
  level: FileRule["level"] = "MUST",
): FileRule => ({
  number,
  title,
  requirement: `${why} ${level} be refused.`,
  level,
  ends: "closed",
  async run(t) {
    const alice = await t.tcp("alice");
    alice.send(padded(name()));
    await refused(alice);
  },
});

export const refusals: FileRule[] = [
  refusal("2.1", "no name", "An empty name", () => ""),
  refusal("2.2", "a way up", "A name with .. before it", () => `../${freshName()}`),
  refusal("2.3", "an absolute path", "An absolute path", () => `/tmp/${freshName()}`),
  refusal("2.4", "a directory in the name", "A name with a path separator", () => `a/${freshName()}`),
  refusal("2.5", "the directory itself", "The name .", () => "."),
  refusal("2.6", "the directory above", "The name ..", () => ".."),
  refusal("2.7", "a name that is no UTF-8", "A name that is no UTF-8", () => Uint8Array.of(0x61, 0xff, 0xfe)),
  refusal("2.8", "a separator of another system", "A name with a backslash", () => `a\\${freshName()}`),
  refusal(
    "2.9",
    "text behind the padding",
    "A name with more behind its NUL",
    () => `${freshName()}\0more`,
    "SHOULD",
  ),
  refusal("2.10", "a long way up", "A path that climbs", () => `x/../../../../tmp/${freshName()}`),
  {
    number: "2.11",
    title: "a file that is there",
    requirement: "The name of a file that exists MUST be refused, and the file MUST stay as it is.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const name = await transfer(t, bytes(100));
      const bob = await t.tcp("bob");
      bob.send(padded(name));
      await refused(bob);
      const ours = t.target.directory === undefined ? bytes(100) : await contentOf(t, name);
      holds(sha256(ours) === sha256(bytes(100)), "the first file's bytes", "they are others");
      bob.close();
      t.peers.splice(1, 1);
    },
  },
  {
    number: "3.1",
    title: "a transfer that is reset",
    requirement: "A transfer that breaks off MUST leave nothing behind.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const before = await filesOf(t);
      const alice = await t.tcp("alice");
      alice.send(padded(freshName()));
      await accepted(alice);
      alice.send(bytes(20_000));
      await sleep(40);
      alice.reset();
      await sleep(80);
      for (let i = 0; i < 20 && (await filesOf(t)).length > before.length; i++) await sleep(20);
      const after = (await filesOf(t)).filter((name) => !before.includes(name));
      holds(after.length === 0, "nothing new in the directory", `there is ${after.join(", ")}`);
    },
  },
  {
    number: "3.2",
    title: "a name that breaks off",
    requirement: "A connection that ends before its name is whole MUST be closed, without an answer of Y.",
    level: "MUST",
    ends: "closed",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(padded(freshName()).subarray(0, 500));
      alice.finish();
      await closed(alice);
      holds(!alice.unread().includes("Y"), "no Y", "it came");
    },
  },
  {
    number: "3.3",
    title: "a transfer that waits",
    requirement: "A transfer that stands still MUST NOT hold up another.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(padded(freshName()));
      await accepted(alice);
      alice.send(bytes(10));
      await transfer(t, bytes(1000));
    },
  },
  {
    number: "3.4",
    title: "a transfer that takes long",
    requirement: "A transfer in which bytes come MUST NOT be broken off, however long it takes.",
    level: "MUST",
    times: ["life"],
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(padded(freshName()));
      await accepted(alice);
      let sent = "";
      await t.keepBusy(async (i) => {
        sent += `part ${i};`;
        alice.send(`part ${i};`);
      });
      alice.finish();
      await confirmed(alice, Buffer.from(sent));
    },
  },
];
