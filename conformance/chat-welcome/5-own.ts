/** What chat/welcome alone does: ids, the welcome, notices without a space, an echo to the sender. */
import { MAX_LINE_BYTES } from "../../protocols/chat.ts";
import type { Case } from "../case.ts";
import { type ChatRule, inDialect } from "../chat/room.ts";
import { closed, exactly, nextLine, nothing } from "../expect.ts";
import { Violation } from "../violation.ts";

const rules: ChatRule[] = [
  {
    number: "5.1",
    title: "the first id is 1",
    requirement: "Ids MUST count up from 1.",
    level: "MUST",
    needs: "fresh",
    async run({ t }) {
      const alice = await t.tcp("alice");
      await exactly(alice, "Welcome 1\n");
      const bob = await t.tcp("bob");
      await exactly(bob, "Welcome 2\n");
    },
  },
  {
    number: "5.2",
    title: "a new client gets only its welcome",
    requirement: "A new client MUST receive its welcome and MUST NOT receive its own join notice.",
    level: "MUST",
    async run(chat) {
      const [, bob] = await chat.enter(2);
      await nothing([bob]);
    },
  },
  {
    number: "5.3",
    title: "the join notice",
    requirement:
      "Every client already connected MUST receive User:<id>has enter, without a space before has.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      const carol = await chat.t.tcp("carol");
      const id = Number((await nextLine(carol, "its welcome")).slice("Welcome ".length));
      for (const guest of [alice, bob]) await exactly(guest, `User:${id}has enter\n`);
    },
  },
  {
    number: "5.4",
    title: "the leave notice",
    requirement: "When a client leaves, the others MUST receive User:<id>has left.",
    level: "MUST",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      bob.close();
      for (const guest of [alice, carol]) await exactly(guest, `User:${chat.speaker(bob).id}has left\n`);
      await nothing([alice, carol]);
    },
  },
  {
    number: "5.5",
    title: "echo to the sender",
    requirement: "A message MUST be sent back to its sender, as <id>:<text>.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      alice.send("echo\n");
      await exactly(alice, `${chat.speaker(alice).id}:echo\n`);
    },
  },
  {
    number: "5.6",
    title: "a trailing carriage return",
    requirement: "A \\r at the end of a line MUST be stripped.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send("telnet\r\n");
      await exactly(bob, `${chat.speaker(alice).id}:telnet\n`);
    },
  },
  {
    number: "5.7",
    title: "a carriage return inside a line",
    requirement: "A \\r that is not at the end of a line MUST be relayed.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send("a\rb\n");
      await exactly(bob, `${chat.speaker(alice).id}:a\rb\n`);
    },
  },
  {
    number: "5.8",
    title: "no id is reused",
    requirement: "The id of a client that has left MUST NOT be assigned again.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      bob.close();
      await chat.gone(bob);
      const carol = await chat.join();
      const ids = [alice, bob, carol].map((member) => chat.speaker(member).id);
      if (new Set(ids).size < 3) throw new Violation("three different ids", `received ${ids.join(", ")}`);
    },
  },
  {
    number: "5.9",
    title: "ids of clients that connect at once",
    requirement: "Ids MUST be unique, however many clients connect at once.",
    level: "MUST",
    async run({ t }) {
      const guests = await Promise.all(Array.from({ length: 60 }, (_, i) => t.tcp(`g${i}`)));
      const lines = await Promise.all(guests.map((guest) => nextLine(guest, "its welcome")));
      const ids = new Set(lines.filter((line) => /^Welcome \d+$/.test(line)));
      if (ids.size < 60) throw new Violation("60 ids for 60 clients", `${ids.size} different ones`);
    },
  },
  {
    number: "5.10",
    title: "a line too long ends in a leave notice",
    requirement:
      "The sender of a line over 65,536 bytes MUST be disconnected, and the others MUST receive its leave notice.",
    level: "MUST",
    ends: "closed",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send(`${"z".repeat(MAX_LINE_BYTES + 1)}\n`);
      await exactly(bob, `User:${chat.speaker(alice).id}has left\n`);
      await closed(alice);
    },
  },
  {
    number: "5.11",
    title: "a burst larger than a small queue",
    requirement: "A burst of 50 messages MUST reach every client, including one that pauses reading.",
    level: "MUST",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      bob.stopReading();
      const texts = Array.from({ length: 50 }, (_, i) => `burst ${i}`);
      for (const text of texts) chat.say(alice, text);
      await chat.heard(alice, texts, [alice, carol]);
      bob.read();
      await chat.heard(alice, texts, [bob]);
    },
  },
  {
    number: "5.12",
    title: "the last message before leaving",
    requirement: "A client's last message MUST arrive before its leave notice.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      const { id } = chat.speaker(alice);
      alice.send("bye\n");
      alice.finish();
      await exactly(bob, `${id}:bye\nUser:${id}has left\n`);
    },
  },
];

export const welcomeOwn: Case[] = inDialect("chat/welcome", rules);
