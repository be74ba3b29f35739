/** Addresses that have gone cost nobody anything. */
import { nothing } from "../expect.ts";
import { sleep } from "../peer.ts";
import { heardBy, type RelayRule, register } from "./peers.ts";

export const relayLiveness: RelayRule[] = [
  {
    number: "3.1",
    title: "one has gone",
    requirement: "An address that answers with ICMP port unreachable MUST NOT end the server.",
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
    title: "many have gone at once",
    requirement: "However many addresses have gone, those that are there MUST get every datagram.",
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
    requirement: "An address that is silent for its time MUST be forgotten.",
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
    title: "an address that speaks is kept",
    requirement: "An address from which something comes MUST NOT be forgotten.",
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
    title: "one who comes back",
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
    title: "at rest",
    requirement: "A relay to which nothing comes SHOULD use no CPU time.",
    level: "SHOULD",
    needs: "fresh",
    async run(t) {
      await register(t, 2);
      await t.atRest();
    },
  },
];
