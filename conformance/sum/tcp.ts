/** sum/tcp: objects without separators, split anywhere; an error closes the connection. */
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { closed, exactly, holds, nextLine, nothing } from "../expect.ts";
import { sleep, type TcpPeer } from "../peer.ts";
import { show } from "../wire-log.ts";
import { isError, isSum, overTransport } from "./requests.ts";

const source = "docs/protocols.md#sum-tcp";
const reply = (peer: TcpPeer) => nextLine(peer, "a reply and a newline");

async function sums(peer: TcpPeer, ...expected: number[]): Promise<void> {
  for (const sum of expected) {
    const text = await reply(peer);
    holds(isSum(text, BigInt(sum)), `the reply {"Sum":${sum}} next`, `received ${show(text)}`);
  }
}

async function error(peer: TcpPeer): Promise<void> {
  const text = await reply(peer);
  holds(isError(text), 'the reply {"Error":"<why>"}', `received ${show(text)}`);
}

const requestOf = (a: number, b: number) => `{"A":${a},"B":${b}}`;

type Rule = Omit<Case, "id" | "source"> & { number: string };

const own: Rule[] = [
  {
    number: "3.1",
    title: "two requests in one write",
    requirement: "Requests that arrive in one read MUST each be answered.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(requestOf(7, 4) + requestOf(1, 2));
      await sums(alice, 11, 3);
      await nothing([alice]);
    },
  },
  {
    number: "3.2",
    title: "100 requests in one write",
    requirement: "Replies MUST arrive in the order of the requests, one for each.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      const numbers = Array.from({ length: 100 }, (_, i) => i);
      alice.send(numbers.map((i) => requestOf(i, 1000)).join(""));
      await sums(alice, ...numbers.map((i) => i + 1000));
      await nothing([alice]);
    },
  },
  {
    number: "3.3",
    title: "a request split across two reads",
    requirement: "A request split across two reads MUST be answered once, when it is complete.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      for (const at of [1, 5, 6, 12]) {
        const request = requestOf(70, 40);
        alice.send(request.slice(0, at));
        await sleep(25);
        alice.send(request.slice(at));
        await sums(alice, 110);
      }
    },
  },
  {
    number: "3.4",
    title: "a request sent byte by byte",
    requirement: "A request MUST be answered, however many reads it arrives in.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      for (const char of requestOf(-12, 34)) {
        alice.send(char);
        await sleep(1);
      }
      await sums(alice, 22);
    },
  },
  {
    number: "3.5",
    title: "one and a half requests in one write",
    requirement: "An incomplete request at the end of a read MUST be answered once the rest has arrived.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(`${requestOf(1, 1)}{"A":2,`);
      await sums(alice, 2);
      await nothing([alice]);
      alice.send('"B":2}');
      await sums(alice, 4);
    },
  },
  {
    number: "3.6",
    title: "no reply before the last brace",
    requirement: "An incomplete request MUST NOT be answered.",
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send('{"A":7,"B":4');
      await nothing([alice]);
      alice.send("0}");
      await sums(alice, 47);
    },
  },
  {
    number: "3.7",
    title: "a reply is one line",
    requirement: 'A reply MUST be {"Sum":11} and one \\n, nothing more.',
    level: "MUST",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(requestOf(7, 4));
      await exactly(alice, '{"Sum":11}\n');
      await nothing([alice]);
    },
  },
  {
    number: "3.8",
    title: "whitespace between requests",
    requirement: "Whitespace and newlines between requests SHOULD be ignored.",
    level: "SHOULD",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(`${requestOf(1, 2)}\n${requestOf(3, 4)}\r\n  ${requestOf(5, 6)}`);
      await sums(alice, 3, 7, 11);
    },
  },
  {
    number: "3.9",
    title: "valid requests before a malformed one",
    requirement:
      "Requests before a malformed one MUST be answered, then the error is sent and the connection closed.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(`${requestOf(1, 2)}{"A":}${requestOf(3, 4)}`);
      await sums(alice, 3);
      await error(alice);
      await closed(alice, "fin");
      holds(alice.unread().length === 0, "nothing after the error", `received ${show(alice.unread())}`);
    },
  },
  {
    number: "3.10",
    title: "not an object",
    requirement: "Bytes that do not start an object MUST be answered with an Error and a close.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send("[1,2]");
      await error(alice);
      await closed(alice, "fin");
    },
  },
  {
    number: "3.11",
    title: "an object without an end",
    requirement: "An incomplete request over 256 bytes MUST be answered at once with an Error and a close.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(`{"A":${"1".repeat(400)}`);
      await error(alice);
      await closed(alice, "fin");
    },
  },
  {
    number: "3.12",
    title: "a FIN after requests",
    requirement: "Requests that arrive before a FIN MUST be answered before the server closes.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(requestOf(1, 2) + requestOf(3, 4));
      alice.finish();
      await sums(alice, 3, 7);
      await closed(alice, "fin");
    },
  },
  {
    number: "3.13",
    title: "two connections",
    requirement: "Each connection MUST get its own replies; half a request on one MUST NOT affect another.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = [await t.tcp("alice"), await t.tcp("bob")];
      alice.send('{"A":1,');
      await sleep(20);
      bob.send(requestOf(10, 10));
      await sums(bob, 20);
      alice.send('"B":1}');
      await sums(alice, 2);
      await nothing([bob]);
    },
  },
  {
    number: "3.14",
    title: "an error on another connection",
    requirement: "An error on one connection MUST NOT affect another.",
    level: "MUST",
    ends: "fin",
    async run(t) {
      const [alice, bob] = [await t.tcp("alice"), await t.tcp("bob")];
      alice.send("nonsense");
      await error(alice);
      bob.send(requestOf(2, 2));
      await sums(bob, 4);
    },
  },
  {
    number: "4.1",
    title: "an idle connection",
    requirement: "A connection on which nothing arrives within the idle timeout MUST be closed.",
    level: "MUST",
    times: ["idle"],
    ends: "closed",
    bound: 90_000,
    async run(t) {
      const alice = await t.tcp("alice");
      await closed(alice, "closed", t.time("idle") * 2 + t.timeout);
    },
  },
  {
    number: "4.2",
    title: "a busy connection",
    requirement: "Each request MUST restart the idle timeout: a busy connection is not closed.",
    level: "MUST",
    times: ["idle"],
    bound: 90_000,
    async run(t) {
      const alice = await t.tcp("alice");
      for (let i = 0; i < 6; i++) {
        await sleep(t.time("idle") / 3);
        alice.send(requestOf(i, 1));
        await sums(alice, i + 1);
      }
    },
  },
  {
    number: "4.3",
    title: "a long-lived connection",
    requirement: "A connection in use MUST NOT be closed, however old it is.",
    level: "MUST",
    times: ["life"],
    async run(t) {
      const alice = await t.tcp("alice");
      await t.keepBusy(async (i) => {
        alice.send(requestOf(i, 1));
        await sums(alice, i + 1);
      });
      alice.send(requestOf(2, 2));
      await sums(alice, 4);
    },
  },
];

export const sumTcp: Case[] = [
  ...overTransport({
    slug: "sum-tcp",
    afterError: "fin",
    async open(t) {
      const alice = await t.tcp("alice");
      return async (request) => {
        alice.send(request);
        return reply(alice);
      };
    },
  }),
  ...own.map(({ number, ...rest }) => ({ ...rest, id: `sum-tcp/${number}`, source })),
];

export async function sumTcpServes(t: Context): Promise<void> {
  const peer = await t.tcp("fresh");
  peer.send(requestOf(2, 3));
  await sums(peer, 5);
}
