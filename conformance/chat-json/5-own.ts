/** What chat/json alone does: objects without separators, notices as objects, the server's word on who speaks. */
import type { Case } from "../case.ts";
import { type ChatRule, inDialect, notice } from "../chat/room.ts";
import { holds } from "../expect.ts";
import { sleep, type TcpPeer, until } from "../peer.ts";
import { show } from "../wire-log.ts";

const from = (who: TcpPeer | "server", data: string) =>
  `${JSON.stringify({ data_source: who === "server" ? who : who.address, data })}\n`;

const says = (data: string, source = "") => JSON.stringify({ data_source: source, data });

const rules: ChatRule[] = [
  {
    number: "5.1",
    title: "the notice of joining",
    requirement: "Joining MUST be told to everyone, the newcomer too, as an object of the source server.",
    level: "MUST",
    needs: "fresh",
    async run(chat) {
      const alice = await chat.t.tcp("alice");
      await notice(chat, alice, from("server", `${alice.address} joined`));
      const bob = await chat.t.tcp("bob");
      for (const guest of [alice, bob]) await notice(chat, guest, from("server", `${bob.address} joined`));
    },
  },
  {
    number: "5.2",
    title: "the notice of leaving",
    requirement: "Leaving MUST be told to the others as an object of the source server.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      bob.close();
      await notice(chat, alice, from("server", `${bob.address} left`));
    },
  },
  {
    number: "5.3",
    title: "a source that is not the client's to choose",
    requirement: "The data_source that a client sends MUST be replaced by its address.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send(says("I am the server", "server"));
      await notice(chat, bob, from(alice, "I am the server"));
    },
  },
  {
    number: "5.4",
    title: "the sender hears itself",
    requirement: "A message MUST come back to its author too.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      alice.send(says("echo"));
      await notice(chat, alice, from(alice, "echo"));
    },
  },
  {
    number: "5.5",
    title: "objects on lines",
    requirement: "Objects with line ends or blanks between them MUST be read as those without.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send(`${says("a")}\n${says("b")}\r\n \t${says("c")}\n\n`);
      for (const data of ["a", "b", "c"]) await notice(chat, bob, from(alice, data));
    },
  },
  {
    number: "5.6",
    title: "braces inside of a text",
    requirement: "Braces and brackets inside of a string MUST NOT end the object.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send(says("}{ ][ }") + says("{"));
      for (const data of ["}{ ][ }", "{"]) await notice(chat, bob, from(alice, data));
    },
  },
  {
    number: "5.7",
    title: "quotes and backslashes",
    requirement: "Escaped quotes and backslashes MUST come through as they were meant.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      const texts = ['she said "hi"', "C:\\temp\\", '\\"', "line\nend", "\u0001"];
      for (const text of texts) alice.send(says(text));
      for (const text of texts) await notice(chat, bob, from(alice, text));
    },
  },
  {
    number: "5.8",
    title: "a cut inside of an escape",
    requirement: "An object that is cut between a backslash and what it escapes MUST be read as one.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      const bytes = says('"}"');
      const at = bytes.indexOf("\\") + 1;
      alice.send(bytes.slice(0, at));
      await sleep(25);
      alice.send(bytes.slice(at));
      await notice(chat, bob, from(alice, '"}"'));
    },
  },
  {
    number: "5.9",
    title: "members in another order",
    requirement: "The order of an object's members and blanks between them MUST NOT matter.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send('{ "data" : "first" ,\n "data_source":"x" }{"data":"second"}');
      for (const data of ["first", "second"]) await notice(chat, bob, from(alice, data));
    },
  },
  {
    number: "5.10",
    title: "a member that nobody knows",
    requirement: "An unknown member SHOULD be ignored, whatever is nested in it.",
    level: "SHOULD",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send('{"data_source":"","x":{"data":"no","y":[{}]},"data":"yes"}');
      await notice(chat, bob, from(alice, "yes"));
    },
  },
  {
    number: "5.11",
    title: "characters by their number",
    requirement: "A character written as \\u and its number MUST be the same as the character itself.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send('{"data_source":"","data":"caf\\u00e9 \\ud83e\\udd8a"}');
      await notice(chat, bob, from(alice, "café 🦊"));
    },
  },
  {
    number: "5.12",
    title: "what is no JSON",
    requirement:
      "Bytes that are no JSON object MUST NOT be relayed, and cost their author's connection at most.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      alice.send("hello there\n");
      // Its connection may end, and then the others are told; or the bytes are passed over.
      await Promise.all([bob, carol].map((member) => until(member, 250, () => member.unread().includes(10))));
      for (const member of [bob, carol]) {
        const came = member.take(member.unread().length).toString();
        holds(!came.includes("hello there"), "nothing of it is relayed", `${member.name} got ${show(came)}`);
      }
      chat.say(bob, "go on");
      await chat.heard(bob, ["go on"], [bob, carol]);
    },
  },
];

export const jsonOwn: Case[] = inDialect("chat/json", rules);
