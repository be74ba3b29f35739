/**
 * What can be said of a definition before anything is measured: what it says it hears, it must find again in a stream
 * that is cut and joined anywhere. An error names the field and shows the bytes.
 */
import { seededRandom } from "../platform/random.ts";
import { fieldFailure, payloadOf } from "./define.ts";
import type { Framing } from "./framing.ts";
import type { Protocol, Requests, Room } from "./protocol.ts";
import { MIN_MESSAGE_BYTES, writeMessage } from "./stamp.ts";

/** Around them the number of digits changes, and so does what a header takes. */
const SIZES = [MIN_MESSAGE_BYTES, 64, 99, 100, 127, 999, 1000, 70_000];
/** A protocol need not carry messages of this size: its lengths may have two bytes. */
const LARGE = 127;
/** A stream of at most so many bytes is cut at every one of them, a longer one here and there. */
const CUT_EVERYWHERE = 4096;
const CUTS = 64;
const REQUESTS = 40;
const TAG = 0x5eed & ~1;
const TOPIC = "sockbench-check-1a2b3c";
const SHOWN_BYTES = 120;
/** Addresses of three widths. */
const speakers = [
  { address: "127.0.0.1:9", id: "7" },
  { address: "127.0.0.1:54321", id: "12" },
  { address: "[::1]:808", id: "345" },
];

const shown = (bytes: Uint8Array) =>
  `${JSON.stringify(Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString("latin1"))}${bytes.length > SHOWN_BYTES ? ` … (${bytes.length} bytes)` : ""}`;

/**
 * Checks what can be checked without a server; returns how many units were cut and joined.
 *
 * @throws Failure with exit code 2: the field that is wrong, with bytes that show it
 */
export function checkProtocol(protocol: Protocol): number {
  const random = seededRandom(1);
  const wrong = (field: string, why: string) => fieldFailure(protocol.name, field, why);
  const attempt = <T>(field: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof Error && error.name === "Failure") throw error;
      throw wrong(field, error instanceof Error ? error.message : String(error));
    }
  };
  const check: Check = { protocol, wrong, attempt, random };
  let units = 0;
  if (protocol.room) for (const size of SIZES) units += checkRoom(check, protocol.room, size);
  if (protocol.requests) units += checkRequests(check, protocol.requests);
  checkOpen(check);
  return units;
}

type Check = {
  protocol: Protocol;
  wrong: (field: string, why: string) => Error;
  attempt: <T>(field: string, work: () => T) => T;
  random: () => number;
};

function checkRoom(check: Check, room: NonNullable<Protocol["room"]>, size: number): number {
  const { protocol, wrong, attempt } = check;
  if (size >= LARGE && !canBe(() => room(size, TOPIC).deliveryPrefix(speakers[0]))) return 0;
  const wire = attempt("room", () => room(size, TOPIC));
  const again = attempt("room", () => room(size, TOPIC));
  const same = (a: Uint8Array, b: Uint8Array, field: string) => {
    if (!Buffer.from(a).equals(b)) throw wrong(field, `asked twice it gives ${shown(a)} and ${shown(b)}`);
  };
  same(wire.sendPrefix, again.sendPrefix, "room.say");
  same(wire.sendSuffix, again.sendSuffix, "room.say");
  const units = speakers.flatMap((who) => {
    const prefix = attempt("room.hear", () => wire.deliveryPrefix(who));
    same(prefix, again.deliveryPrefix(who), "room.hear");
    return bodies(check, size).map((body) => ({ prefix, body }));
  });
  const whole = units.map(({ prefix, body }) => Buffer.concat([prefix, body, wire.deliverySuffix]));
  checkFraming(check, protocol.framing, whole, "room.hear");
  units.forEach(({ prefix, body }, i) => void checkDelivery(check, wire, whole[i], prefix.length, body));
  checkSaid(check, wire, size);
  return whole.length;
}

function canBe(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

/** A message as it is measured, and one of what else the protocol carries. */
function bodies({ protocol, random }: Check, size: number): Uint8Array[] {
  const message = new Uint8Array(size);
  writeMessage(new DataView(message.buffer), 0, size, TAG, 3, 41, 123_456_789);
  const any = protocol.promises.binary
    ? () => Math.floor(random() * 256)
    : () => 97 + Math.floor(random() * 26);
  return [message, Uint8Array.from({ length: size }, any)];
}

/** The message is where it is said to be, and nobody takes a delivery for something else. */
function checkDelivery(
  { protocol, wrong, attempt }: Check,
  wire: Room,
  unit: Uint8Array,
  start: number,
  body: Uint8Array,
): void {
  const [from] = protocol.framing.payload(unit, 0, unit.length);
  const payload = payloadOf(protocol.framing, unit, 0, unit.length);
  if (wire.find) {
    const found = attempt("room.find", () => wire.find!(payload));
    const right = [start - from, start - from + body.length];
    if (found?.[0] !== right[0] || found[1] !== right[1])
      throw wrong(
        "room.find",
        `in ${shown(payload)} the message is [${right}], and it says ${found ? `[${found}]` : "that there is none"}`,
      );
  }
  const taken = attempt("control", () => protocol.react(unit, 0, unit.length, "member"));
  if (taken !== undefined) throw wrong("control", `it takes a delivery for its own: ${shown(payload)}`);
}

/** What a client says is one unit; of a function it is not known whether it reads what clients say. */
function checkSaid({ protocol, wrong }: Check, wire: Room, size: number): void {
  const { sends } = protocol;
  if (["the function", "unbounded()"].includes(sends.name)) return;
  const body = new Uint8Array(size).fill(97);
  wire.seal?.(new DataView(body.buffer), 0, size);
  const unit = Buffer.concat([wire.sendPrefix, body, wire.sendSuffix]);
  const end = sends.end(unit, 0, unit.length);
  if (end !== unit.length)
    throw wrong("room.say", `${sends.name} ends after ${end} of ${unit.length} bytes: ${shown(unit)}`);
}

function checkRequests(check: Check, requests: Requests): number {
  const { protocol, wrong, attempt } = check;
  const at = (place: number, id = place) =>
    attempt("request", () => requests.at(place, id, seededRandom(place)));
  const pool = Array.from({ length: REQUESTS }, (_, place) => at(place)).filter((one) => one !== undefined);
  if (pool.length === 0) throw wrong("request", "it has no request with a right reply");
  const replies = pool.map(({ reply, example }) => example ?? reply);
  checkFraming(check, protocol.framing, replies, requests.essence ? "request.answer" : "request");
  for (const { reply, example } of pool)
    if (requests.essence && example) {
      const payload = payloadOf(protocol.framing, example, 0, example.length);
      const found = attempt("request.find", () => requests.essence!(payload));
      if (!found || !Buffer.from(found).equals(reply))
        throw wrong("request.find", `in ${shown(payload)} it finds ${found ? shown(found) : "no reply"}`);
    }
  const [first, other] = [at(0, 0), at(0, 1)];
  if (requests.named && first && other && Buffer.from(first.bytes).equals(other.bytes))
    throw wrong("request.ask", `byId, and two ids give the same bytes: ${shown(first.bytes)}`);
  return pool.length;
}

/** Every unit comes back as it was, wherever the stream is cut, and all of it at once. */
function checkFraming(check: Check, framing: Framing, units: readonly Uint8Array[], field: string): void {
  if (framing.transport === "udp") return;
  const stream = Buffer.concat(units);
  const step = stream.length <= CUT_EVERYWHERE ? 1 : Math.ceil(stream.length / CUTS);
  for (let cut = 0; cut < stream.length; cut += step) checkCut(check, framing, units, stream, [cut], field);
  if (stream.length <= CUT_EVERYWHERE)
    checkCut(check, framing, units, stream, Array.from(stream.keys()).slice(1), field);
}

function checkCut(
  { wrong, attempt }: Check,
  framing: Framing,
  units: readonly Uint8Array[],
  stream: Buffer,
  cuts: readonly number[],
  field: string,
): void {
  const got = attempt("framing", () => split(framing, stream, cuts));
  const where = cuts.length > 1 ? "byte by byte" : cuts[0] === 0 ? "all at once" : `cut at byte ${cuts[0]}`;
  for (const [i, unit] of units.entries())
    if (!got[i]?.equals(unit))
      throw wrong(
        "framing",
        `of what ${field} gives, ${where}, ${shown(unit)} comes back as ${got[i] ? shown(got[i]) : "nothing"}`,
      );
  if (got.length > units.length)
    throw wrong("framing", `of what ${field} gives, ${where}, it makes one unit more: ${shown(got.at(-1)!)}`);
}

/** Reads a stream as a fleet does: what has no end yet is kept, and looked at again with what comes next. */
function split(framing: Framing, stream: Buffer, cuts: readonly number[]): Buffer[] {
  const got: Buffer[] = [];
  let from = 0;
  for (const to of [...cuts, stream.length])
    for (;;) {
      const end = from < to ? framing.end(stream.subarray(0, to), from, to) : -1;
      if (end < 0 || end > to) break;
      if (end <= from)
        throw new Error(`it ends a unit before it begins: ${shown(stream.subarray(from, to))}`);
      got.push(stream.subarray(from, end));
      from = end;
    }
  return got;
}

const nobody = { topic: TOPIC, user: "", password: "", host: "127.0.0.1", port: 1, index: 0 };

/** Its first step, as far as it goes without a server. */
function checkOpen({ protocol, wrong }: Check): void {
  if (!protocol.open) return;
  const roles = protocol.separatePublishers
    ? (["publisher", "subscriber"] as const)
    : (["member", "client"] as const);
  for (const role of roles) {
    const steps = protocol.open({ ...nobody, role });
    if (typeof steps?.next !== "function")
      throw wrong("open", "it is no generator: write *open({ topic }) { … }");
    let step: unknown;
    try {
      step = steps.next([]).value;
    } catch {
      continue; // it may ask for credentials, which there are none of here
    }
    if (
      step !== undefined &&
      !(typeof step === "object" && step !== null && ("send" in step || "expect" in step || "id" in step))
    )
      throw wrong("open", `it yields ${Bun.inspect(step)}, and neither expect() nor send()`);
  }
}
