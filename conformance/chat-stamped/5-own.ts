/** What chat/stamped alone does: numbered names, notices to all, `exit`. */
import type { Case } from "../case.ts";
import { type Chat, type ChatRule, inDialect } from "../chat/room.ts";
import { closed, exactly, holds, nextLine, nothing } from "../expect.ts";
import type { TcpPeer } from "../peer.ts";
import { Violation } from "../violation.ts";
import { show } from "../wire-log.ts";

const left = (chat: Chat, who: TcpPeer) => `[SERVER] Client ${chat.speaker(who).id} left the chat.\n`;

async function leavesBy(chat: Chat, line: string): Promise<void> {
  const [alice, bob] = await chat.enter(2);
  alice.send(line);
  await exactly(bob, left(chat, alice));
  await closed(alice, "fin");
}

const rules: ChatRule[] = [
  {
    number: "5.1",
    title: "the first client is Client 1",
    requirement: "Names MUST count up from Client 1.",
    level: "MUST",
    needs: "fresh",
    async run({ t }) {
      const alice = await t.tcp("alice");
      await exactly(alice, "[SERVER] Client 1 joined the chat.\n");
      await t.tcp("bob");
      await exactly(alice, "[SERVER] Client 2 joined the chat.\n");
    },
  },
  {
    number: "5.2",
    title: "the join notice",
    requirement: "The join notice MUST be sent to every client, the new one included.",
    level: "MUST",
    needs: "fresh",
    async run({ t }) {
      const alice = await t.tcp("alice");
      await exactly(alice, "[SERVER] Client 1 joined the chat.\n");
      const bob = await t.tcp("bob");
      for (const guest of [alice, bob]) await exactly(guest, "[SERVER] Client 2 joined the chat.\n");
      await nothing([alice, bob]);
    },
  },
  {
    number: "5.3",
    title: "the leave notice",
    requirement:
      "When a client leaves, the others MUST receive a notice with its name, on a line of its own.",
    level: "MUST",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      bob.close();
      for (const guest of [alice, carol]) await exactly(guest, left(chat, bob));
    },
  },
  {
    number: "5.4",
    title: "no name is reused",
    requirement: "A name MUST NOT be assigned twice, even after its client has left.",
    level: "MUST",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      bob.close();
      await chat.gone(bob);
      const dave = await chat.join();
      const ids = [alice, bob, carol, dave].map((member) => chat.speaker(member).id);
      if (new Set(ids).size < 4)
        throw new Violation("four different names", `the numbers are ${ids.join(", ")}`);
    },
  },
  {
    number: "5.5",
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
    number: "5.6",
    title: "the sender's timestamp",
    requirement: "A line MUST be relayed with the timestamp it was sent with, whatever time that is.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send("0:long ago\n99999999999:far away\n");
      await exactly(bob, "0:long ago\n99999999999:far away\n");
    },
  },
  {
    number: "5.7",
    title: "exit",
    requirement:
      "The line exit MUST end the session: the others receive the leave notice and the connection is closed.",
    level: "MUST",
    ends: "fin",
    run: (chat) => leavesBy(chat, "exit\n"),
  },
  {
    number: "5.8",
    title: "exit after a timestamp",
    requirement: "The line exit after a timestamp MUST end the session too.",
    level: "MUST",
    ends: "fin",
    run: (chat) => leavesBy(chat, "1700000000:exit\n"),
  },
  {
    number: "5.9",
    title: "a line that contains exit",
    requirement: "A line that is not exactly exit MUST be relayed like any other.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      const texts = ["exits", "no exit", "exit now", "EXIT"];
      chat.say(alice, ...texts);
      await chat.heard(alice, texts);
    },
  },
  {
    number: "5.10",
    title: "exit is not relayed",
    requirement: "The line exit MUST NOT be relayed.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      chat.say(alice, "exit");
      await exactly(bob, left(chat, alice));
      await nothing([bob]);
    },
  },
  {
    number: "5.11",
    title: "a message and exit in one write",
    requirement: "Lines before exit in the same read MUST be relayed, lines after it MUST NOT.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      alice.send("1:before\n2:exit\n3:after\n");
      await exactly(bob, `1:before\n${left(chat, alice)}`);
      await nothing([bob]);
    },
  },
  {
    number: "5.12",
    title: "notices end with a newline",
    requirement: "A notice MUST end with a newline, so that the next message does not run into it.",
    level: "MUST",
    async run(chat) {
      const [alice, bob] = await chat.enter(2);
      await chat.t.tcp("carol");
      const line = await nextLine(alice, "a notice on a line of its own");
      holds(
        /^\[SERVER\] Client \d+ joined the chat\.$/.test(line),
        "the notice alone on its line",
        `received ${show(line)}`,
      );
      chat.say(bob, "welcome");
      await chat.heard(bob, ["welcome"], [alice]);
    },
  },
];

export const stampedOwn: Case[] = inDialect("chat/stamped", rules);
