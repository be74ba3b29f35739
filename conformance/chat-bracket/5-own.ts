/** What chat/bracket alone does: the address in brackets, no notices, the server's console. */
import { MAX_LINE_BYTES } from "../../protocols/chat.ts";
import type { Case } from "../case.ts";
import { type ChatRule, inDialect } from "../chat/room.ts";
import { closed, exactly, nothing } from "../expect.ts";
import { sleep } from "../peer.ts";
import { Unsupported } from "../violation.ts";

const rules: ChatRule[] = [
  {
    number: "5.1",
    title: "no echo to the sender",
    requirement: "The sender of a message MUST NOT receive it back.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      chat.say(alice, "not to myself");
      await chat.heard(alice, ["not to myself"]);
      await nothing([alice]);
    },
  },
  {
    number: "5.2",
    title: "a carriage return",
    requirement: "A \\r before \\n is part of the line and MUST be relayed.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send("telnet\r\n");
      await exactly(bob, `[${alice.address}]: telnet\r\n`);
    },
  },
  {
    number: "5.3",
    title: "no notice on connect",
    requirement: "The server MUST NOT send anything to any client when one connects.",
    level: "MUST",
    async run(chat) {
      const alice = await chat.join();
      const bob = await chat.t.tcp("bob");
      await nothing([alice, bob]);
    },
  },
  {
    number: "5.4",
    title: "no notice on disconnect",
    requirement: "The server MUST NOT send anything to the other clients when one disconnects.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      bob.close();
      await nothing([alice]);
    },
  },
  {
    number: "5.5",
    title: "the sender's address",
    requirement: "A line MUST carry the address and port of its own sender.",
    level: "MUST",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      alice.send("a\n");
      await exactly(carol, `[${alice.address}]: a\n`);
      bob.send("b\n");
      await exactly(carol, `[${bob.address}]: b\n`);
    },
  },
  {
    number: "5.6",
    title: "the notice for a line too long",
    requirement:
      'The sender of a line over 65,536 bytes MUST receive "[Server]: line too long" before the connection closes.',
    level: "MUST",
    ends: "fin",
    async run(chat) {
      const [alice] = await chat.enter(2);
      alice.send(`${"z".repeat(MAX_LINE_BYTES + 1)}\n`);
      await exactly(alice, "[Server]: line too long\n");
      await closed(alice, "fin");
    },
  },
  {
    number: "5.7",
    title: "the server's console",
    requirement:
      "Each line on the server's standard input MUST be sent to every client, with [Server]: before it.",
    level: "MUST",
    needs: "console",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      const { console } = chat.t.target;
      if (!console) throw new Unsupported("it needs the server's standard input");
      console.write("tea is ready\nnow\n");
      for (const guest of [alice, bob]) await exactly(guest, "[Server]: tea is ready\n[Server]: now\n");
    },
  },
  {
    number: "5.8",
    title: "end of console input",
    requirement:
      "At the end of its standard input the server MUST keep serving, and use no CPU time when idle.",
    level: "MUST",
    needs: "console",
    async run(chat) {
      const [alice] = await chat.enter(2);
      const { console } = chat.t.target;
      if (!console) throw new Unsupported("it needs the server's standard input");
      console.end();
      await sleep(100);
      chat.say(alice, "and now we are alone");
      await chat.heard(alice, ["and now we are alone"]);
      await chat.t.atRest();
    },
  },
];

export const bracketOwn: Case[] = inDialect("chat/bracket", rules);
