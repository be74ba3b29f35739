/** What chat/bracket alone does: the address in brackets, no notices, the operator's console. */
import { MAX_LINE_BYTES } from "../../protocols/chat.ts";
import type { Case } from "../case.ts";
import { type ChatRule, inDialect } from "../chat/room.ts";
import { closed, exactly, nothing } from "../expect.ts";
import { sleep } from "../peer.ts";
import { Unsupported } from "../violation.ts";

const rules: ChatRule[] = [
  {
    number: "5.1",
    title: "the sender gets nothing back",
    requirement: "The author of a message MUST NOT get it back.",
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
    title: "no greeting",
    requirement: "Nobody MUST be told anything when somebody connects.",
    level: "MUST",
    async run(chat) {
      const alice = await chat.join();
      const bob = await chat.t.tcp("bob");
      await nothing([alice, bob]);
    },
  },
  {
    number: "5.4",
    title: "no farewell",
    requirement: "Nobody MUST be told anything when somebody leaves.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      bob.close();
      await nothing([alice]);
    },
  },
  {
    number: "5.5",
    title: "the address of each author",
    requirement: "A line MUST carry its own author's address and port, not another's.",
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
    title: "what one who wrote too long a line is told",
    requirement:
      'The author of a line over 65,536 bytes MUST get "[Server]: line too long" before the close.',
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
    title: "the operator's console",
    requirement:
      "Each line on the server's standard input MUST go to every client as [Server]: and the line.",
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
    title: "the console ends",
    requirement: "The end of standard input MUST end the console alone, and the server MUST go on at rest.",
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
