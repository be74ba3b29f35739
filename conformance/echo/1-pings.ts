/** echo: one pong a line, wherever the stream is cut. */
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { closed, exactly, nothing } from "../expect.ts";
import { sleep } from "../peer.ts";
import { keepsLittle } from "../unread.ts";

type Rule = Omit<Case, "id" | "source"> & { number: string };

const rules: Rule[] = [
  {
    number: "1.1",
    title: "a ping",
    requirement: "ping and an end of line MUST get pong and an end of line.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send("ping\n");
      await exactly(alice, "pong\n");
      await nothing([alice]);
    },
  },
  {
    number: "1.2",
    title: "ten pings in one write",
    requirement: "Ten pings MUST get ten pongs, also when they come in one read.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send("ping\n".repeat(10));
      await exactly(alice, "pong\n".repeat(10));
      await nothing([alice]);
    },
  },
  {
    number: "1.3",
    title: "a ping cut in two",
    requirement: "A ping that comes in two reads MUST get one pong, when it is whole.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send("pi");
      await nothing([alice]);
      alice.send("ng\n");
      await exactly(alice, "pong\n");
      await nothing([alice]);
    },
  },
  {
    number: "1.4",
    title: "pings byte by byte",
    requirement: "Pings MUST be understood in however many reads they come.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      for (const char of "ping\nping\n") {
        alice.send(char);
        await sleep(1);
      }
      await exactly(alice, "pong\npong\n");
    },
  },
  {
    number: "1.5",
    title: "two thousand pings",
    requirement: "Pings over 1,024 bytes in one write MUST all be answered.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send("ping\n".repeat(2000));
      await exactly(alice, "pong\n".repeat(2000));
      await nothing([alice]);
    },
  },
  {
    number: "1.6",
    title: "FIN behind a ping",
    requirement: "A ping that came before a FIN MUST be answered before the server closes.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send("ping\n");
      alice.finish();
      await exactly(alice, "pong\n");
      await closed(alice, "fin");
    },
  },
  {
    number: "1.7",
    title: "two connections",
    requirement: "Each connection MUST get its own pongs, and half a ping of one MUST NOT touch another.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = [await t.tcp("alice"), await t.tcp("bob")];
      alice.send("pi");
      await sleep(20);
      bob.send("ping\n");
      await exactly(bob, "pong\n");
      alice.send("ng\n");
      await exactly(alice, "pong\n");
      await nothing([bob]);
    },
  },
  {
    number: "1.8",
    title: "a reset",
    requirement: "A connection that is reset MUST cost the others nothing.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = [await t.tcp("alice"), await t.tcp("bob")];
      bob.send("ping\nping\n");
      bob.reset();
      alice.send("ping\n");
      await exactly(alice, "pong\n");
    },
  },
  {
    number: "2.1",
    title: "a connection that is old",
    requirement: "A connection MUST NOT be closed while it is used, however old it is.",
    level: "MUST",
    times: ["life"],
    async run(t) {
      const alice = await t.tcp("alice");
      const ping = async () => {
        alice.send("ping\n");
        await exactly(alice, "pong\n");
      };
      await t.keepBusy(ping);
      await ping();
    },
  },
  {
    number: "2.2",
    title: "a peer that never reads",
    requirement: "What waits for a peer that sends and never reads SHOULD be bounded.",
    level: "SHOULD",
    slow: true,
    ends: "any",
    bound: 60_000,
    run: async (t) => keepsLittle(await t.tcp("alice"), Buffer.from("ping\n".repeat(13_000))),
  },
];

export const echo: Case[] = rules.map(({ number, ...rest }) => ({
  ...rest,
  id: `echo/${number}`,
  source: "docs/protocols.md#echo",
}));

export async function pingServes(t: Context): Promise<void> {
  const peer = await t.tcp("fresh");
  peer.send("ping\n");
  await exactly(peer, "pong\n");
}
