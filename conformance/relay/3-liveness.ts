/** Addresses that are gone must not affect the others. */
import { isIPv4 } from "node:net";
import { openSmallReceiver } from "../../platform/small-receiver.ts";
import { relayPrefix } from "../../protocols/relay.ts";
import type { Context } from "../context.ts";
import { holds, nothing } from "../expect.ts";
import { sleep, type UdpPeer, until } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import { heardBy, type RelayRule, register } from "./peers.ts";

/** So many datagrams per millisecond, to so many recipients, are more than a relay can forward. */
const BURST = 40;
const CROWD = 60;
const TRIES = 20;
const TRY_MS = 100;

export const relayLiveness: RelayRule[] = [
  {
    number: "3.1",
    title: "ICMP port unreachable",
    requirement: "The server MUST keep serving after a client has answered with ICMP port unreachable.",
    level: "MUST",
    async run(t) {
      const [alice, bob, carol] = await register(t, 3);
      bob.close();
      for (let i = 0; i < 3; i++) {
        alice.send(`round ${i}`);
        await heardBy([carol], alice, `round ${i}`);
        await sleep(10);
      }
    },
  },
  {
    number: "3.2",
    title: "many clients gone at once",
    requirement: "However many clients have gone, the remaining ones MUST receive every datagram.",
    level: "MUST",
    async run(t) {
      const [alice, carol] = await register(t, 2);
      const gone = await Promise.all(Array.from({ length: 12 }, (_, i) => t.udp(`g${i}`)));
      for (const peer of gone) peer.send("");
      await sleep(30);
      for (const peer of gone) peer.close();
      for (let i = 0; i < 8; i++) {
        alice.send(`round ${i}`);
        await heardBy([carol], alice, `round ${i}`);
      }
    },
  },
  {
    number: "3.3",
    title: "a silent address is forgotten",
    requirement: "An address that was silent for the forget time MUST receive no more datagrams.",
    level: "MUST",
    times: ["forget"],
    bound: 90_000,
    async run(t) {
      const [alice, bob] = await register(t, 2);
      const half = t.time("forget") / 2;
      for (let i = 0; i < 4; i++) {
        await sleep(half);
        bob.send("I am still here");
      }
      alice.datagrams.length = 0;
      bob.send("who gets this?");
      await nothing([alice]);
    },
  },
  {
    number: "3.4",
    title: "an active address is kept",
    requirement: "An address that keeps sending MUST keep receiving.",
    level: "MUST",
    times: ["forget"],
    bound: 90_000,
    async run(t) {
      const [alice, bob] = await register(t, 2);
      await sleep(t.time("forget") * 0.6);
      bob.send("");
      await sleep(t.time("forget") * 0.8);
      alice.send("longer than the time has passed since your first word");
      await heardBy([bob], alice, "longer than the time has passed since your first word");
    },
  },
  {
    number: "3.5",
    title: "a forgotten address returns",
    requirement: "An address that was forgotten MUST be registered again by its next datagram.",
    level: "MUST",
    times: ["forget"],
    bound: 180_000,
    async run(t) {
      const [alice] = await register(t, 1);
      await sleep(t.time("forget") * 1.6);
      const bob = await t.udp("bob");
      alice.send("here I am again");
      await sleep(20);
      bob.send("welcome back");
      await heardBy([alice], bob, "welcome back");
    },
  },
  {
    number: "3.6",
    title: "idle CPU use",
    requirement: "A relay without traffic SHOULD use no CPU time.",
    level: "SHOULD",
    needs: "fresh",
    async run(t) {
      await register(t, 2);
      await t.atRest();
    },
  },
  {
    number: "3.7",
    title: "a flood from one address",
    requirement: "A flood from one address SHOULD NOT cause the loss of most datagrams from another.",
    level: "SHOULD",
    slow: true,
    bound: 30_000,
    async run(t) {
      const [alice, bob] = await register(t, 2);
      const mallory = await t.udp("mallory");
      const leave = crowd(t, CROWD);
      // The flood reaches everybody: discard it.
      for (const peer of [alice, bob, mallory]) peer.hearOnly(Buffer.from(relayPrefix(alice.address)));
      const stopFlood = flood(mallory);
      try {
        for (let i = 0; i < TRIES; i++) {
          alice.send(`try ${i}`);
          await sleep(TRY_MS);
        }
        const heard = new Set(bob.datagrams.map(String)).size;
        holds(
          heard >= TRIES / 2,
          `bob receives at least ${TRIES / 2} of ${TRIES} datagrams`,
          `received ${heard}`,
        );
      } finally {
        stopFlood();
        await untilServed(alice, bob);
        leave();
      }
    },
  },
];

/** Registered addresses that read nothing: each makes the relay send one more datagram for each it receives. */
function crowd(t: Context, count: number): () => void {
  const host = t.target.hostname === "localhost" ? "127.0.0.1" : t.target.hostname;
  const guests = Array.from({ length: count }, () => openSmallReceiver(64));
  const leave = () => {
    for (const guest of guests) guest?.close();
  };
  if (isIPv4(host) && guests.every((guest) => guest?.greet(host, t.target.port))) return leave;
  leave();
  throw new Unsupported("it needs IPv4 and a supported C library, to open many receivers");
}

/** Sends until it is stopped, without blocking the event loop. */
function flood(peer: UdpPeer): () => void {
  let over = false;
  const burst = () => {
    for (let i = 0; i < BURST; i++) peer.send("x");
    if (!over) setTimeout(burst, 1);
  };
  burst();
  return () => {
    over = true;
  };
}

/** The rest of a flood must not disturb the next case. */
async function untilServed(alice: UdpPeer, bob: UdpPeer): Promise<void> {
  for (let i = 0; i < 50; i++) {
    bob.datagrams.length = 0;
    alice.send(`is it over? ${i}`);
    const word = Buffer.from(`${relayPrefix(alice.address)}is it over? ${i}`);
    if (await until(bob, 200, () => bob.datagrams.some((bytes) => bytes.equals(word)))) return;
  }
}
