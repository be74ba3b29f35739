/**
 * Members of a room who stay from beginning to end, talk all the time, and check every byte that they hear of one
 * another. What others say, who are there to disturb, they pass over.
 */

import { parseEndpoint } from "../../clients/endpoint.ts";
import { joining } from "../../clients/joining.ts";
import { type MemberHandlers, openMembers } from "../../clients/members.ts";
import { capabilityOf, protocolOf } from "../../protocols/index.ts";
import { fault, type Going, miss, settled, type Tally } from "./tally.ts";

const MEMBERS = 4;
/** From message to message of one member: some 80 KB a second in all, so that a stalled reader is soon behind. */
const SAY_MS = 50;
const MESSAGE_BYTES = 1000;
const MARK = "~soak:";
/** A prefix is shorter, and so is a mark that is cut off. */
const KEEP_BYTES = 128;

const pad = (value: number, digits: number) => String(value).padStart(digits, "0");
const message = (sender: number, sequence: number): string =>
  `${MARK}${pad(sender, 2)}:${pad(sequence, 9)}:`.padEnd(
    MESSAGE_BYTES,
    String.fromCharCode(97 + (sequence % 26)),
  );

/** What one has heard: bytes that are not judged yet, and of each sender the number that is to come next. */
type Hearing = { rest: Buffer; next: (number | undefined)[] };

export async function soakRoom(
  protocol: string,
  url: string,
  tally: Tally,
  timeoutMs?: number,
): Promise<Going> {
  const wire = capabilityOf(protocol, "room")(MESSAGE_BYTES);
  const target = parseEndpoint(url)!;
  const hearings: Hearing[] = Array.from({ length: MEMBERS }, () => ({
    rest: Buffer.alloc(0),
    next: [],
  }));
  const sent = new Array<number>(MEMBERS).fill(0);
  let prefixes: Uint8Array[] = [];
  let stopping = false;

  function hear(receiver: number, chunk: Uint8Array): void {
    const hearing = hearings[receiver];
    const bytes = Buffer.concat([hearing.rest, chunk]);
    let judged = 0;
    for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, judged)) {
      const end = at + MESSAGE_BYTES + wire.deliverySuffix.length;
      if (end > bytes.length) break;
      judge(receiver, bytes, at, end);
      judged = end;
    }
    const open = bytes.indexOf(MARK, judged);
    hearing.rest = bytes.subarray(Math.max(judged, (open < 0 ? bytes.length : open) - KEEP_BYTES));
  }

  function judge(receiver: number, bytes: Buffer, at: number, end: number): void {
    const [sender, sequence] = bytes
      .toString("latin1", at + MARK.length, at + MARK.length + 12)
      .split(":")
      .map(Number);
    const prefix = prefixes[sender] ?? new Uint8Array(0);
    const right = Buffer.concat([prefix, Buffer.from(message(sender, sequence)), wire.deliverySuffix]);
    if (bytes.subarray(at - prefix.length, end).equals(right)) enter(receiver, sender, sequence);
    else {
      fault(tally, `member ${receiver} got wrong bytes of member ${sender}, message ${sequence}`);
      const { next } = hearings[receiver];
      if (next[sender] === sequence) next[sender]++; // wrong, and not missing too
    }
  }

  function enter(receiver: number, sender: number, sequence: number): void {
    const { next } = hearings[receiver];
    const expected = next[sender] ?? sequence; // it begins with the first that it hears
    const between = `to member ${receiver} from member ${sender}, from message ${expected} on`;
    if (sequence < expected) {
      fault(tally, `message ${sequence} again, or late, ${between}`);
      return;
    }
    miss(tally, sequence - expected, between);
    next[sender] = sequence + 1;
    tally.verified++;
  }

  const handlers: MemberHandlers = {
    onBytes: hear,
    onLost: (index, reason) => stopping || fault(tally, `the connection of member ${index}: ${reason}`),
  };
  const join = joining({ protocol: protocolOf(protocol), topic: "soak", role: "member" });
  const members = await openMembers(target, MEMBERS, handlers, join);
  prefixes = members.map((member) => wire.deliveryPrefix(member));

  function say(index: number): void {
    const text = Buffer.from(message(index, sent[index]));
    const unit = Buffer.concat([wire.sendPrefix, text, wire.sendSuffix]);
    const view = new DataView(unit.buffer, unit.byteOffset, unit.length);
    wire.seal?.(view, wire.sendPrefix.length, MESSAGE_BYTES);
    if (members[index].send(unit, 0, unit.length)) sent[index]++;
  }

  const timer = setInterval(() => {
    for (const { index } of members) say(index);
  }, SAY_MS);
  /** What has not come, by receiver and sender, of what was said since the first message that was heard. */
  const owed = () =>
    hearings.flatMap(({ next }, receiver) =>
      sent.map((count, sender) => ({
        count: sender === receiver && !wire.promises.echoesToSender ? 0 : count - (next[sender] ?? 0),
        between: `at the end, to member ${receiver} from member ${sender}`,
      })),
    );
  return {
    async stop() {
      clearInterval(timer);
      await settled(() => owed().every(({ count }) => count === 0), timeoutMs);
      for (const { count, between } of owed()) miss(tally, count, between);
      stopping = true;
      for (const member of members) member.close();
    },
  };
}
