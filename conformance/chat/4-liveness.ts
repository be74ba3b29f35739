/** A misbehaving client costs its own connection and nothing else. */
import type { Dialect } from "../../protocols/chat.ts";
import { firstOf, nextLine } from "../expect.ts";
import { sleep, type TcpPeer, until } from "../peer.ts";
import { Violation } from "../violation.ts";
import type { Chat, ChatRule } from "./room.ts";

/** More than the kernel holds for a reader that does not read (tcp_wmem is 4 MiB) and the queue of 1 MiB. */
const FLOOD_MESSAGES = 160;
const FLOOD_BYTES = 50_000;
/** Messages in flight at once: well below the queue of 1 MiB, so that a client that reads never falls behind. */
const WINDOW = 8;
const promisesEviction = ({ promises }: Dialect): boolean => promises?.eviction === true;
const mayEvict = (dialect: Dialect): boolean => !promisesEviction(dialect);

/** The whole flood is sent and received, in order; the listener never falls behind by more than a window. */
async function flood(chat: Chat, author: TcpPeer, listener: TcpPeer): Promise<void> {
  const say = (i: number) => chat.say(author, `${i} `.padEnd(FLOOD_BYTES, "f"));
  for (let i = 0; i < WINDOW; i++) say(i);
  for (let i = 0; i < FLOOD_MESSAGES; ) {
    const line = await nextLine(
      listener,
      `message ${i} of ${FLOOD_MESSAGES} while another client does not read`,
    );
    // The leave notice of the slow client may be between.
    if (line.length < FLOOD_BYTES) continue;
    if (!line.includes(`${i} f`))
      throw new Violation(`${listener.name} receives message ${i} next`, `received "${line.slice(0, 60)}…"`);
    if (i + WINDOW < FLOOD_MESSAGES) say(i + WINDOW);
    i++;
  }
}

/** A room in which so many clients stop reading at once, while one that reads receives everything. */
export async function withSlowReaders(chat: Chat, count: number): Promise<TcpPeer[]> {
  const [alice] = await chat.enter(1);
  const slow: TcpPeer[] = [];
  for (let i = 0; i < count; i++) slow.push(await chat.join(4096));
  const carol = await chat.join();
  for (const reader of slow) reader.stopReading();
  if (chat.dialect.echoes) alice.ignore();
  await flood(chat, alice, carol);
  return slow;
}

export const liveness: ChatRule[] = [
  {
    number: "4.1",
    title: "a client that does not read",
    requirement: "A client that does not read MUST NOT delay the others.",
    level: "MUST",
    slow: true,
    ends: "any",
    async run(chat) {
      await withSlowReaders(chat, 1);
    },
  },
  {
    number: "4.2",
    title: "a slow client is evicted",
    requirement: "A client that falls behind by more than the bounded queue MUST be disconnected.",
    level: "MUST",
    only: promisesEviction,
    slow: true,
    ends: "any",
    run: evicts,
  },
  {
    number: "4.3",
    title: "a client that never reads",
    requirement: "A client that does not read SHOULD be disconnected once too much is queued for it.",
    level: "SHOULD",
    only: mayEvict,
    slow: true,
    ends: "any",
    run: evicts,
  },
  {
    number: "4.4",
    title: "a connection reset",
    requirement: "A connection reset MUST NOT affect the other clients.",
    level: "MUST",
    async run(chat) {
      const [, bob, carol] = await chat.enter(3);
      bob.reset();
      await chat.gone(bob);
      chat.say(carol, "what was that?");
      await chat.heard(carol, ["what was that?"]);
      await chat.quiet();
    },
  },
  {
    number: "4.5",
    title: "messages before a FIN",
    requirement:
      "Messages that arrive before a FIN MUST be relayed even though their sender has disconnected.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, ...others] = await chat.enter(3);
      chat.say(alice, "farewell", "for ever");
      alice.finish();
      await chat.heard(alice, ["farewell", "for ever"], others);
    },
  },
  {
    number: "4.6",
    title: "short-lived connections",
    requirement: "Connections closed right after they open MUST NOT affect the other clients.",
    level: "MUST",
    async run(chat) {
      const [alice] = await chat.enter(2);
      for (let i = 0; i < 30; i++) {
        const guest = await chat.t.tcp(`g${i}`);
        if (i % 2) guest.reset();
        else guest.close();
      }
      chat.say(alice, "quite a draught");
      await chat.heardAtLast(alice, "quite a draught");
    },
  },
  {
    number: "4.7",
    title: "garbage",
    requirement: "Whatever bytes one client sends, the others MUST still receive each other's messages.",
    level: "MUST",
    ends: "any",
    async run(chat) {
      const [alice, bob, carol] = await chat.enter(3);
      alice.send(Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0xff));
      alice.send("\n{}[]}{\n\n");
      alice.close();
      await sleep(200);
      chat.say(bob, "never mind");
      await chat.heardAtLast(bob, "never mind", [bob, carol]);
    },
  },
  {
    number: "4.8",
    title: "50 connections at once",
    requirement: "Fifty connections opened at once MUST all be served.",
    level: "MUST",
    async run(chat) {
      const guests = await Promise.all(Array.from({ length: 50 }, (_, i) => chat.t.tcp(`g${i}`)));
      const alice = await chat.join();
      const marker = "can all of you hear me?";
      const places = guests.map((guest) => firstOf(guest, marker));
      const deaf = () => places.filter((place) => place() < 0).length;
      // Repeated, since only a notice shows when all have joined, and not every dialect has one.
      for (let attempt = 0; attempt < 10 && deaf() > 0; attempt++) {
        chat.say(alice, marker);
        await Promise.all(
          guests.map((guest, i) => until(guest, chat.t.timeout / 10, () => places[i]() >= 0)),
        );
      }
      if (deaf() > 0) throw new Violation("all 50 clients receive a message", `${deaf()} of them did not`);
    },
  },
];

async function evicts(chat: Chat): Promise<void> {
  const [slow] = await withSlowReaders(chat, 1);
  slow.ignore();
  slow.read();
  await until(slow, chat.t.timeout, () => slow.ended !== "open");
  if (slow.ended === "open")
    throw new Violation(
      `the server disconnects ${slow.name}, which is 8 MB behind`,
      "the connection is still open and everything is queued for it",
    );
}
