/** Names that are rejected, and transfers that are aborted: nothing is left of them. */
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
  requirement: `${why} ${level} be rejected.`,
  level,
  ends: "closed",
  async run(t) {
    const alice = await t.tcp("alice");
    alice.send(padded(name()));
    await refused(alice);
  },
});

export const refusals: FileRule[] = [
  refusal("2.1", "an empty name", "An empty name", () => ""),
  refusal("2.2", "a parent path", "A name that starts with ../", () => `../${freshName()}`),
  refusal("2.3", "an absolute path", "An absolute path", () => `/tmp/${freshName()}`),
  refusal("2.4", "a path separator", "A name with a path separator", () => `a/${freshName()}`),
  refusal("2.5", "the name .", "The name .", () => "."),
  refusal("2.6", "the name ..", "The name ..", () => ".."),
  refusal("2.7", "invalid UTF-8", "A name that is not valid UTF-8", () => Uint8Array.of(0x61, 0xff, 0xfe)),
  refusal("2.8", "a backslash", "A name with a backslash", () => `a\\${freshName()}`),
  refusal(
    "2.9",
    "bytes after the padding",
    "A name with more bytes after its NUL",
    () => `${freshName()}\0more`,
    "SHOULD",
  ),
  refusal(
    "2.10",
    "path traversal",
    "A path that leads out of the directory",
    () => `x/../../../../tmp/${freshName()}`,
  ),
  {
    number: "2.11",
    title: "an existing file",
    requirement: "The name of an existing file MUST be rejected, and that file MUST stay unchanged.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const name = await transfer(t, bytes(100));
      const bob = await t.tcp("bob");
      bob.send(padded(name));
      await refused(bob);
      const ours = t.target.directory === undefined ? bytes(100) : await contentOf(t, name);
      holds(sha256(ours) === sha256(bytes(100)), "the first file unchanged", "its bytes differ");
      bob.close();
      t.peers.splice(1, 1);
    },
  },
  {
    number: "3.1",
    title: "a connection reset",
    requirement: "An aborted transfer MUST leave no file behind.",
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
      holds(after.length === 0, "no new file in the directory", `found ${after.join(", ")}`);
    },
  },
  {
    number: "3.2",
    title: "a name cut short",
    requirement: "A connection that ends before its name is complete MUST be closed without answering Y.",
    level: "MUST",
    ends: "closed",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(padded(freshName()).subarray(0, 500));
      alice.finish();
      await closed(alice);
      holds(!alice.unread().includes("Y"), "no Y", "received Y");
    },
  },
  {
    number: "3.3",
    title: "a stalled transfer",
    requirement: "A stalled transfer MUST NOT delay another.",
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
    title: "a slow transfer",
    requirement: "A transfer that makes progress MUST NOT be aborted, however long it takes.",
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
