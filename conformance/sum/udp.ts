/** sum/udp: one request per datagram, one reply datagram to its source, and an Id that is repeated. */
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { holds, nextDatagram, nothing } from "../expect.ts";
import { sleep, type UdpPeer } from "../peer.ts";
import { show } from "../wire-log.ts";
import { isSum, overTransport } from "./requests.ts";

const source = "docs/protocols.md#sum-udp";
const reply = async (peer: UdpPeer) => (await nextDatagram(peer, `${peer.name} receives a reply`)).toString();

async function sums(peer: UdpPeer, sum: number, id?: string): Promise<void> {
  const text = await reply(peer);
  const wish = `{"Sum":${sum}${id === undefined ? "" : `,"Id":${id}`}}`;
  holds(isSum(text, BigInt(sum), id), `${peer.name} receives ${wish}`, `received ${show(text)}`);
}

async function errors(peer: UdpPeer): Promise<void> {
  const text = await reply(peer);
  holds(text.includes('"Error"'), `${peer.name} receives {"Error":"<why>"}`, `received ${show(text)}`);
}

type Rule = Omit<Case, "id" | "source"> & { number: string };

/** A datagram that is answered with an error, after which the server keeps serving. */
const malformed = (number: string, title: string, datagram: string | Uint8Array): Rule => ({
  number,
  title,
  requirement: "A malformed datagram MUST be answered with an Error, and the next request with its sum.",
  level: "MUST",
  async run(t) {
    const alice = await t.udp("alice");
    alice.send(datagram);
    await errors(alice);
    alice.send('{"A":1,"B":1}');
    await sums(alice, 2);
  },
});

const echoesId = (number: string, title: string, id: string): Rule => ({
  number,
  title,
  requirement: "An Id in a request MUST be repeated unchanged in its reply.",
  level: "MUST",
  async run(t) {
    const alice = await t.udp("alice");
    alice.send(`{"A":7,"B":4,"Id":${id}}`);
    await sums(alice, 11, id);
  },
});

const own: Rule[] = [
  {
    number: "3.1",
    title: "one reply per request",
    requirement: "A request MUST be answered with exactly one datagram.",
    level: "MUST",
    async run(t) {
      const alice = await t.udp("alice");
      alice.send('{"A":7,"B":4}');
      await sums(alice, 11);
      await nothing([alice]);
    },
  },
  echoesId("3.2", "a numeric Id", "42"),
  echoesId("3.3", "a string Id", '"request-7"'),
  echoesId("3.4", "an Id above 2^53", "9007199254740993"),
  {
    number: "3.5",
    title: "ten requests on one socket",
    requirement: "Each of several requests on one socket MUST get a reply with its own Id.",
    level: "MUST",
    async run(t) {
      const alice = await t.udp("alice");
      for (let i = 0; i < 10; i++) alice.send(`{"A":${i},"B":100,"Id":${i}}`);
      const came = new Set<string>();
      for (let i = 0; i < 10; i++) came.add((await reply(alice)).replace(/\s/g, ""));
      for (let i = 0; i < 10; i++) {
        const wish = `{"Sum":${i + 100},"Id":${i}}`;
        holds(came.has(wish), `a reply ${wish}`, `received ${[...came].join(" ")}`);
      }
    },
  },
  {
    number: "3.6",
    title: "ten sockets",
    requirement: "A reply MUST be sent to the address that asked, even if many ask at once.",
    level: "MUST",
    async run(t) {
      const peers = await Promise.all(Array.from({ length: 10 }, (_, i) => t.udp(`caller${i}`)));
      peers.forEach((peer, i) => {
        peer.send(`{"A":${i},"B":1}`);
      });
      for (const [i, peer] of peers.entries()) await sums(peer, i + 1);
      await nothing(peers);
    },
  },
  malformed("3.7", "bytes that are not JSON", Uint8Array.of(0xff, 0x00, 0x7b, 0x22)),
  malformed("3.8", "two requests in one datagram", '{"A":1,"B":1}{"A":2,"B":2}'),
  malformed("3.9", "an array", "[7,4]"),
  malformed("3.10", "a request padded past 256 bytes", `{"A":7,"B":4}${" ".repeat(300)}`),
  malformed("3.11", "the largest datagram", " ".repeat(65_507)),
  {
    number: "3.12",
    title: "an empty datagram",
    requirement: "An empty datagram SHOULD be answered with an Error.",
    level: "SHOULD",
    async run(t) {
      const alice = await t.udp("alice");
      alice.send("");
      await errors(alice);
    },
  },
  {
    number: "3.13",
    title: "a client gone before its reply",
    requirement: "A reply that cannot be delivered MUST NOT affect other clients.",
    level: "MUST",
    async run(t) {
      const alice = await t.udp("alice");
      for (let i = 0; i < 8; i++) {
        const gone = await t.udp(`gone${i}`);
        gone.send('{"A":1,"B":1}');
        gone.close();
        alice.send(`{"A":${i},"B":1}`);
        await sums(alice, i + 1);
      }
    },
  },
  {
    number: "4.1",
    title: "after a pause",
    requirement: "The server MUST NOT exit, however long nothing arrives.",
    level: "MUST",
    async run(t) {
      const alice = await t.udp("alice");
      alice.send('{"A":1,"B":1}');
      await sums(alice, 2);
      await sleep(1200);
      alice.send('{"A":7,"B":4}');
      await sums(alice, 11);
    },
  },
];

export const sumUdp: Case[] = [
  ...overTransport({
    slug: "sum-udp",
    afterError: "open",
    async open(t) {
      const alice = await t.udp("alice");
      return async (request) => {
        alice.send(request);
        return reply(alice);
      };
    },
  }),
  ...own.map(({ number, ...rest }) => ({ ...rest, id: `sum-udp/${number}`, source })),
];

export async function sumUdpServes(t: Context): Promise<void> {
  const peer = await t.udp("fresh");
  peer.send('{"A":2,"B":3}');
  await sums(peer, 5);
}
