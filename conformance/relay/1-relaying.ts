/** Registration, recipients, and the prefix of a datagram. */
import { nothing } from "../expect.ts";
import { heardBy, type RelayRule, register } from "./peers.ts";

export const relaying: RelayRule[] = [
  {
    number: "1.1",
    title: "two addresses",
    requirement:
      "A datagram MUST be sent to every other registered address, with its sender's [ip:port] before it.",
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
    title: "five addresses",
    requirement: "Every other registered address MUST receive exactly one copy.",
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
    title: "no echo to the sender",
    requirement: "A datagram MUST NOT be sent back to its sender.",
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
    title: "the first datagram is relayed",
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
    title: "an unregistered address",
    requirement: "An address that has sent nothing MUST NOT receive anything.",
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
    requirement: "An empty datagram MUST NOT be relayed.",
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
    title: "one host, several ports",
    requirement: "Addresses MUST be distinguished by IP address and port, not by IP address alone.",
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
    title: "every address sends",
    requirement: "Every registered address MUST be able to send and to receive.",
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
    title: "no duplicate registration",
    requirement: "An address that has sent several datagrams MUST still receive one copy of each.",
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
