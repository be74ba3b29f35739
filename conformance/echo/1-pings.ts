/** echo: one pong per line, wherever the stream is split. */
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
    requirement: "ping and a newline MUST be answered with pong and a newline.",
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
    requirement: "Ten pings MUST be answered with ten pongs, even if they arrive in one read.",
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
    title: "a ping split across two reads",
    requirement: "A ping split across two reads MUST be answered with one pong, once it is complete.",
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
    title: "pings sent byte by byte",
    requirement: "Pings MUST be answered, however many reads they arrive in.",
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
    title: "2,000 pings in one write",
    requirement: "Every ping in a write of more than 1,024 bytes MUST be answered.",
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
    title: "a FIN after a ping",
    requirement: "A ping that arrives before a FIN MUST be answered before the server closes.",
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
    requirement: "Each connection MUST get its own pongs; half a ping on one MUST NOT affect another.",
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
    title: "a connection reset",
    requirement: "A connection reset MUST NOT affect other connections.",
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
    title: "a long-lived connection",
    requirement: "A connection in use MUST NOT be closed, however old it is.",
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
    title: "a client that never reads",
    requirement: "The replies queued for a client that never reads SHOULD be bounded.",
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
