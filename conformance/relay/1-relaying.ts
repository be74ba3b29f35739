/** Registration, audience, and what is put before a datagram. */
import { nothing } from "../expect.ts";
import { heardBy, type RelayRule, register } from "./peers.ts";

export const relaying: RelayRule[] = [
  {
    number: "1.1",
    title: "a datagram to one other",
    requirement: "A datagram MUST go to every other registered address, behind [ip:port] of its author.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      alice.send("hello");
      await heardBy([bob], alice, "hello");
      await nothing([bob]);
    },
  },
  {
    number: "1.2",
    title: "a datagram to four others",
    requirement: "Every other registered address MUST get exactly one copy.",
    level: "MUST",
    async run(t) {
      const [alice, ...others] = await register(t, 5);
      alice.send("to you all");
      await heardBy(others, alice, "to you all");
      await nothing(others);
    },
  },
  {
    number: "1.3",
    title: "not to its author",
    requirement: "A datagram MUST NOT go back to its author.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      alice.send("not to me");
      await heardBy([bob], alice, "not to me");
      await nothing([alice]);
    },
  },
  {
    number: "1.4",
    title: "the first datagram registers and is relayed",
    requirement: "The datagram that registers an address MUST be relayed too.",
    level: "MUST",
    async run(t) {
      const [alice] = await register(t, 1);
      const bob = await t.udp("bob");
      bob.send("my first word");
      await heardBy([alice], bob, "my first word");
    },
  },
  {
    number: "1.5",
    title: "who never sent gets nothing",
    requirement: "An address from which nothing has come MUST NOT get anything.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      const carol = await t.udp("carol");
      alice.send("a secret");
      await heardBy([bob], alice, "a secret");
      await nothing([carol]);
    },
  },
  {
    number: "1.6",
    title: "an empty datagram",
    requirement: "An empty datagram MUST relay nothing.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      alice.send("");
      await nothing([bob]);
      alice.send("but this one");
      await heardBy([bob], alice, "but this one");
    },
  },
  {
    number: "1.7",
    title: "an empty datagram registers",
    requirement: "An empty datagram MUST register its source.",
    level: "MUST",
    async run(t) {
      const [alice] = await register(t, 1);
      const bob = await t.udp("bob");
      for (let i = 0; i < 3; i++) bob.send("");
      await nothing([alice]);
      alice.send("are you there?");
      await heardBy([bob], alice, "are you there?");
    },
  },
  {
    number: "1.8",
    title: "one host, many ports",
    requirement: "Addresses MUST be told apart by address and port, not by the address alone.",
    level: "MUST",
    async run(t) {
      const [alice, bob, carol] = await register(t, 3);
      bob.send("from bob");
      await heardBy([alice, carol], bob, "from bob");
      carol.send("from carol");
      await heardBy([alice, bob], carol, "from carol");
    },
  },
  {
    number: "1.9",
    title: "everyone speaks",
    requirement: "Every registered address MUST be heard and hear.",
    level: "MUST",
    async run(t) {
      const peers = await register(t, 4);
      for (const author of peers) {
        author.send(`I am ${author.name}`);
        await heardBy(
          peers.filter((peer) => peer !== author),
          author,
          `I am ${author.name}`,
        );
      }
    },
  },
  {
    number: "1.10",
    title: "registering twice",
    requirement: "An address that sends again MUST NOT be registered twice.",
    level: "MUST",
    async run(t) {
      const [alice, bob] = await register(t, 2);
      for (const text of ["one", "two", "three"]) {
        bob.send(text);
        await heardBy([alice], bob, text);
      }
      alice.send("how often do you get this?");
      await heardBy([bob], alice, "how often do you get this?");
      await nothing([bob]);
    },
  },
];
