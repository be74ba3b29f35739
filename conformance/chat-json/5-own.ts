/** What chat/json alone does: objects without separators, notices as objects, a data_source that the server fills in. */
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
    title: "the join notice",
    requirement:
      "A join MUST be announced to every client, the new one included, as an object with data_source server.",
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
    title: "the leave notice",
    requirement: "A leave MUST be announced to the other clients as an object with data_source server.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      bob.close();
      await notice(chat, alice, from("server", `${bob.address} left`));
    },
  },
  {
    number: "5.3",
    title: "a forged data_source",
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
    title: "echo to the sender",
    requirement: "A message MUST be sent back to its sender too.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      alice.send(says("echo"));
      await notice(chat, alice, from(alice, "echo"));
    },
  },
  {
    number: "5.5",
    title: "whitespace between objects",
    requirement: "Objects with newlines or blanks between them MUST be read like objects without.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send(`${says("a")}\n${says("b")}\r\n \t${says("c")}\n\n`);
      for (const data of ["a", "b", "c"]) await notice(chat, bob, from(alice, data));
    },
  },
  {
    number: "5.6",
    title: "braces inside a string",
    requirement: "Braces and brackets inside a string MUST NOT end the object.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send(says("}{ ][ }") + says("{"));
      for (const data of ["}{ ][ }", "{"]) await notice(chat, bob, from(alice, data));
    },
  },
  {
    number: "5.7",
    title: "escaped quotes and backslashes",
    requirement: "Escaped quotes and backslashes MUST arrive with their meaning unchanged.",
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
    title: "a split inside an escape",
    requirement:
      "An object split between a backslash and the character it escapes MUST be read as one object.",
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
    requirement: "The order of an object's members and the whitespace between them MUST NOT matter.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send('{ "data" : "first" ,\n "data_source":"x" }{"data":"second"}');
      for (const data of ["first", "second"]) await notice(chat, bob, from(alice, data));
    },
  },
  {
    number: "5.10",
    title: "an unknown member",
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
    title: "Unicode escapes",
    requirement: "A character written as a \\u escape MUST be treated as the character itself.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send('{"data_source":"","data":"caf\\u00e9 \\ud83e\\udd8a"}');
      await notice(chat, bob, from(alice, "café 🦊"));
    },
  },
  {
    number: "5.12",
    title: "not JSON",
    requirement:
      "Bytes that are not a JSON object MUST NOT be relayed; at most their sender is disconnected.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      alice.send("hello there\n");
      // Its sender may be disconnected, which is announced; or the bytes are ignored.
      await Promise.all([bob, carol].map((member) => until(member, 250, () => member.unread().includes(10))));
      for (const member of [bob, carol]) {
        const came = member.take(member.unread().length).toString();
        holds(!came.includes("hello there"), "it is not relayed", `${member.name} received ${show(came)}`);
      }
      chat.say(bob, "go on");
      await chat.heard(bob, ["go on"], [bob, carol]);
    },
  },
];

export const jsonOwn: Case[] = inDialect("chat/json", rules);
