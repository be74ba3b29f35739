/** sum/ws: one request per text message, one reply message; a malformed one does not close the connection. */
import { createKey, FIN, handshakeRequest, opcodes, statusOf } from "../../protocols/websocket.ts";
import type { Case } from "../case.ts";
import { type Context, randomKey, responseHead } from "../context.ts";
import { closed, holds } from "../expect.ts";
import { sleep } from "../peer.ts";
import { nextFrame, noFrame, type WsPeer } from "../ws-peer.ts";
import { isSum, overTransport } from "./requests.ts";

const source = "docs/protocols.md#sum-ws";

async function reply(peer: WsPeer): Promise<string> {
  const { first, payload } = await nextFrame(peer, "a reply in a text message");
  holds(first === (FIN | opcodes.text), "a reply in a text message", `received opcode ${first & 15}`);
  return payload.toString();
}

async function sums(peer: WsPeer, expected: readonly number[]): Promise<void> {
  for (const sum of expected) {
    const text = await reply(peer);
    holds(isSum(text, BigInt(sum)), `the reply {"Sum":${sum}} next`, `received ${text}`);
  }
}

/** The status of the response to a GET of the path, with a handshake or without. */
async function statusAt(t: Context, path: string, upgrade = true): Promise<number> {
  const alice = await t.tcp("alice");
  const host = `${t.target.hostname}:${t.target.port}`;
  alice.send(
    upgrade
      ? handshakeRequest(host, path, createKey(randomKey()))
      : `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  );
  return statusOf(await responseHead(alice));
}

const own: Case[] = [
  {
    id: "sum-ws/3.1",
    title: "an unknown path",
    requirement: "A handshake at an unknown path MUST be answered with a plain 404.",
    level: "MUST",
    source,
    ends: "any",
    async run(t) {
      for (const path of ["/", "/subtract", "/add/more"]) {
        const status = await statusAt(t, path);
        holds(status === 404, `status 404 at ${path}`, `received ${status}`);
      }
    },
  },
  {
    id: "sum-ws/3.2",
    title: "GET /add without an upgrade",
    requirement: "A plain GET of /add MUST be rejected with a 4xx status.",
    level: "MUST",
    source,
    ends: "any",
    async run(t) {
      const status = await statusAt(t, "/add", false);
      holds(status >= 400 && status < 500, "a 4xx status", `received ${status}`);
    },
  },
  {
    id: "sum-ws/3.3",
    title: "a binary message",
    requirement: "A request in a binary message MUST be answered with an Error.",
    level: "MUST",
    source,
    async run(t) {
      const alice = await t.ws("alice");
      alice.send(FIN | opcodes.binary, '{"A":7,"B":4}');
      const text = await reply(alice);
      holds(text.includes('"Error"'), 'an {"Error":…}', `received ${text}`);
    },
  },
  {
    id: "sum-ws/3.4",
    title: "after an error",
    requirement: "A malformed request MUST NOT end the connection or affect later requests.",
    level: "MUST",
    source,
    async run(t) {
      const alice = await t.ws("alice");
      for (const text of ["", "hello", "[]", "null", "7", "{", '{"A":7,"B":4}{"A":1,"B":1}']) {
        alice.text(text);
        const answer = await reply(alice);
        holds(answer.includes('"Error"'), `an {"Error":…} to ${JSON.stringify(text)}`, `received ${answer}`);
      }
      alice.text('{"A":7,"B":4}');
      await sums(alice, [11]);
    },
  },
  {
    id: "sum-ws/3.5",
    title: "20 messages in one write",
    requirement: "Requests that arrive together MUST each be answered, in order.",
    level: "MUST",
    source,
    async run(t) {
      const alice = await t.ws("alice");
      for (let i = 0; i < 20; i++) alice.text(`{"A":${i},"B":1000}`);
      await sums(
        alice,
        Array.from({ length: 20 }, (_, i) => 1000 + i),
      );
      await noFrame(alice);
    },
  },
  {
    id: "sum-ws/3.6",
    title: "two connections",
    requirement: "A reply MUST be sent to the connection that asked.",
    level: "MUST",
    source,
    async run(t) {
      const [alice, bob] = [await t.ws("alice"), await t.ws("bob")];
      alice.text('{"A":1,"B":1}');
      bob.text('{"A":2,"B":2}');
      await sums(alice, [2]);
      await sums(bob, [4]);
      await noFrame(alice);
    },
  },
  {
    id: "sum-ws/3.7",
    title: "a fragmented request",
    requirement: "A request in two fragments MUST be answered once, when it is complete.",
    level: "MUST",
    source,
    async run(t) {
      const alice = await t.ws("alice");
      alice.send(opcodes.text, '{"A":7,');
      alice.send(FIN | opcodes.continuation, '"B":4}');
      await sums(alice, [11]);
      await noFrame(alice);
    },
  },
  {
    id: "sum-ws/3.8",
    title: "nothing before a request",
    requirement: "The server MUST NOT send a message before it receives a request.",
    level: "MUST",
    source,
    async run(t) {
      await noFrame(await t.ws("alice"));
    },
  },
  {
    id: "sum-ws/4.1",
    title: "an idle connection",
    requirement: "A connection without a message within the idle timeout MUST be closed.",
    level: "MUST",
    source,
    times: ["idle"],
    ends: "closed",
    bound: 60_000,
    async run(t) {
      const alice = await t.ws("alice");
      await closed(alice.tcp, "closed", t.time("idle") * 2 + t.timeout);
    },
  },
  {
    id: "sum-ws/4.2",
    title: "a busy connection",
    requirement: "A connection that receives messages within the idle timeout MUST NOT be closed.",
    level: "MUST",
    source,
    times: ["idle"],
    bound: 60_000,
    async run(t) {
      const alice = await t.ws("alice");
      for (let i = 0; i < 6; i++) {
        await sleep(t.time("idle") / 3);
        alice.text(`{"A":${i},"B":1}`);
        await sums(alice, [i + 1]);
      }
    },
  },
  {
    id: "sum-ws/4.4",
    title: "a long-lived connection",
    requirement: "A connection in use MUST NOT be closed, however old it is.",
    level: "MUST",
    source,
    times: ["life"],
    async run(t) {
      const alice = await t.ws("alice");
      await t.keepBusy(async (i) => {
        alice.text(`{"A":${i},"B":1}`);
        await sums(alice, [i + 1]);
      });
      alice.text('{"A":2,"B":2}');
      await sums(alice, [4]);
    },
  },
  {
    id: "sum-ws/4.3",
    title: "an unfinished handshake",
    requirement: "A connection whose handshake is not complete within 5 seconds MUST be closed.",
    level: "MUST",
    source,
    ends: "closed",
    slow: true,
    bound: 15_000,
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send("GET /add HTTP/1.1\r\nHost: x\r\n");
      // A server that checks its clock only now and then may be some seconds late.
      await closed(alice, "closed", 8000);
    },
  },
];

export const sumWs: Case[] = [
  ...overTransport({
    slug: "sum-ws",
    afterError: "open",
    async open(t) {
      const alice = await t.ws("alice");
      return async (request) => {
        alice.text(request);
        return reply(alice);
      };
    },
  }),
  ...own,
];

export async function sumWsServes(t: Context): Promise<void> {
  const peer = await t.ws("fresh");
  peer.text('{"A":2,"B":3}');
  await sums(peer, [5]);
}
