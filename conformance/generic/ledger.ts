/** What has been said in a room, and what is wrong with what is heard of it: a fault is found at the unit that shows it. */

import { seededRandom } from "../../platform/random.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import { differenceOf } from "../expect.ts";
import { Violation } from "../violation.ts";
import { show } from "../wire-log.ts";
import { payloadIn } from "./connection.ts";
import type { Member, Message } from "./room.ts";

/** Of a text, unless another length is asked for: what the load generator sends is as long. */
const TEXT_BYTES = 64;

export type Ledger = ReturnType<typeof createLedger>;

export function createLedger(protocol: Protocol) {
  const { echoesToSender, ordered, mayLose, mayDuplicate } = protocol.promises;
  const find = protocol.room?.(TEXT_BYTES).find;
  const byAuthor = new Map<Member, Message[]>();
  const byBytes = new Map<number | bigint, Message[]>();
  const tolerant = new Set<Member>();
  /** By listener and author, the number of what was heard last. */
  const last = new Map<Member, Map<Member, number>>();
  const saidBy = (author: Member) => byAuthor.get(author) ?? [];

  /** What this unit is a delivery of: one that the listener has not heard yet, if there is such a one. */
  function messageOf(member: Member, unit: Buffer): Message | undefined {
    const payload = payloadIn(protocol, unit);
    const place = find?.(payload);
    if (find && !place) return undefined;
    const bytes = place ? payload.subarray(...place) : unit;
    const same = (byBytes.get(Bun.hash(bytes)) ?? []).filter(({ body, heard }) =>
      (find ? body : heard).equals(bytes),
    );
    return same.find(({ heardBy }) => !heardBy.has(member)) ?? same[0];
  }

  function hear(member: Member, unit: Buffer): void {
    const message = messageOf(member, unit);
    if (!message) {
      unknown(member, unit);
      return;
    }
    const { author, number, heardBy } = message;
    const wrong = (expected: string) => new Violation(`${member.name} ${expected}`, `received ${show(unit)}`);
    if (member === author && !echoesToSender) throw wrong("receives none of its own messages");
    if (member.topic !== author.topic) throw wrong(`receives nothing that is said in ${author.topic}`);
    if (heardBy.has(member)) {
      if (mayDuplicate) return;
      throw wrong("receives each message once");
    }
    heardBy.add(member);
    if (ordered) inOrder(member, message, unit);
    const numbers = last.get(member) ?? new Map();
    last.set(member, numbers.set(author, Math.max(number, numbers.get(author) ?? -1)));
  }

  function inOrder(member: Member, { author, number }: Message, unit: Buffer): void {
    const before = last.get(member)?.get(author) ?? -1;
    const received = `received ${show(unit)}`;
    if (number < before)
      throw new Violation(
        `${member.name} receives ${author.name}'s messages in their order`,
        `${received} late`,
      );
    if (mayLose) return;
    const missing = saidBy(author)
      .slice(before + 1, number)
      .find((one) => isOwed(one, member));
    if (missing) throw new Violation(`${member.name} receives ${show(missing.heard)} next`, received);
  }

  /** A unit that is neither a delivery nor a control unit. */
  function unknown(member: Member, unit: Buffer): void {
    if (tolerant.has(member)) return;
    const owed = [...byAuthor.values()].flat().find((one) => isOwed(one, member));
    const difference = owed && !find ? `: ${differenceOf(owed.heard, unit)}` : "";
    throw new Violation(
      `${member.name} receives ${owed ? show(owed.heard) : "nothing but deliveries and what control knows"}`,
      `received ${show(unit)}${difference}`,
    );
  }

  return {
    hear,
    /** Whoever only speaks hears no deliveries. */
    stray(member: Member, unit: Buffer): void {
      if (tolerant.has(member)) return;
      throw new Violation(
        `${member.name}'s publisher receives nothing but what control knows`,
        `received ${show(unit)}`,
      );
    },
    add(message: Omit<Message, "number" | "heardBy">): Message {
      const said = saidBy(message.author);
      const one = { ...message, number: said.length, heardBy: new Set<Member>() };
      byAuthor.set(one.author, said);
      said.push(one);
      const key = Bun.hash(find ? one.body : one.heard);
      byBytes.set(key, [...(byBytes.get(key) ?? []), one]);
      return one;
    },
    /** Letters and digits; no two texts of a room are equal. */
    textOf: (author: Member, bytes = TEXT_BYTES) => textOf(`${author.name}${saidBy(author).length}z`, bytes),
    tolerate: (member: Member) => void tolerant.add(member),
  };
}

/** Whether a member must still hear it. */
export const isOwed = (message: Message, member: Member): boolean =>
  !message.optional && !message.heardBy.has(member) && message.for.includes(member);

/** So many letters and digits, which begin with these. */
export function textOf(start: string, bytes: number): Buffer {
  const random = seededRandom(Bun.hash.crc32(start));
  const text = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) text[i] = 97 + Math.floor(random() * 26);
  text.write(start);
  return text;
}
