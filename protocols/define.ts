/** Makes a protocol of its definition: what a file says once, as a room and as requests on the wire. */
import { exitCodes, Failure } from "../platform/failure.ts";
import type { Around, Bytes, Definition, EchoRequest, Me, Promises, Unit } from "./definition.ts";
import { type Frame, type Framing, framed, framingBy, ignore, maskAt, masked } from "./framing.ts";
import type { Protocol, React, Requests, Room } from "./protocol.ts";
import { applyMask } from "./websocket.ts";

/** Of the body of a request that is echoed. */
export const BODY_BYTES = 64;
/** The topic of a room where nobody else listens. */
const TOPIC = "sockbench";
/** For whom a request is made where connections share theirs. */
const ANYBODY: Me = {
  role: "client",
  topic: TOPIC,
  index: 0,
  user: "",
  password: "",
  host: "127.0.0.1",
  port: 1,
};

export const bytesOf = (bytes: Bytes = ""): Uint8Array =>
  typeof bytes === "string" ? new Uint8Array(Buffer.from(bytes)) : bytes;

/** A usage error that names the protocol and the field. */
export const fieldFailure = (name: string, field: string, why: string): Failure =>
  new Failure(exitCodes.usage, `protocol ${name}: ${field}: ${why}`);

/**
 * A protocol of one's own, as the default export of the file that `--protocol` names.
 *
 * @throws Failure with exit code 2: the field that is wrong, and why
 */
export function defineProtocol(definition: Definition): Protocol {
  checkFields(definition);
  const { name, framing: given, request, room } = definition;
  const framing = typeof given === "function" ? framingBy(given) : given;
  const sends = definition.sends ?? framing;
  const promises = promisesOf(definition, framing);
  const react = reactBy(definition, framing, sends);
  const { path, subprotocol, headers, primary, open, dialect, dialogue, files } = definition;
  const wire = { framing, react, promises };
  return {
    name,
    transport: framing.transport,
    port: definition.port ?? 0,
    framing,
    sends,
    promises,
    react,
    ...present({ path, subprotocol, headers, primary, open, dialect, dialogue, files }),
    ...(definition.separatePublishers ? { separatePublishers: true as const } : {}),
    ...(room
      ? {
          room: (bytes: number, topic = TOPIC): Room => ({
            ...wire,
            ...roomOn(room, framing, sends, bytes, topic),
          }),
        }
      : {}),
    ...(request ? { requests: { ...wire, ...requestsOn(request, framing, sends) } } : {}),
  };
}

/** Only the fields that are there. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** A datagram may be lost or overtaken, whatever carries it. */
const promisesOf = ({ promises }: Definition, { transport }: Framing): Promises => ({
  echoesToSender: false,
  ordered: transport === "udp" ? false : "per sender",
  mayLose: transport === "udp",
  mayDuplicate: false,
  binary: false,
  ...promises,
});

function reactBy({ control }: Definition, framing: Framing, sends: Framing): React {
  return (bytes, from, end, role) => {
    const own = framing.own?.(bytes.subarray(from, end));
    if (own !== undefined || !control) return own;
    const answer = control(payloadOf(framing, bytes, from, end), role);
    return answer === undefined || answer === ignore ? answer : framed(sends.said, bytesOf(answer));
  };
}

/** The payload of a whole unit, without a copy: valid as long as the bytes are. */
export function payloadOf(framing: Framing, bytes: Uint8Array, from: number, end: number): Buffer {
  const [start, stop] = framing.payload(bytes, from, end);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, stop - start);
}

/** What stands around a message of so many bytes, with what the framing puts around both. */
function wrap(
  frame: (payloadBytes: number) => Frame,
  { prefix, suffix }: Around,
  messageBytes: number,
): { before: Uint8Array; after: Uint8Array; mask: number | undefined; inside: number } {
  const [before, after] = [bytesOf(prefix), bytesOf(suffix)];
  const { head, tail, mask } = frame(before.length + messageBytes + after.length);
  const hide = (bytes: Uint8Array, at: number) =>
    mask === undefined ? bytes : masked(bytes, maskAt(mask, at));
  return {
    before: new Uint8Array([...head, ...hide(before, 0)]),
    after: new Uint8Array([...hide(after, before.length + messageBytes), ...tail]),
    mask,
    inside: before.length,
  };
}

function roomOn(
  { say, hear, find, number, acknowledge }: NonNullable<Definition["room"]>,
  framing: Framing,
  sends: Framing,
  messageBytes: number,
  topic: string,
): Omit<Room, "framing" | "react" | "promises"> {
  const said = wrap(sends.said, say(topic, messageBytes), messageBytes);
  const { mask } = said;
  const heard = ({ address, id }: { address: string; id: string | number }) =>
    wrap(framing.heard, hear(topic, messageBytes, { address, id: String(id) }), messageBytes);
  const { after } = heard({ address: "", id: "" });
  return {
    sendPrefix: said.before,
    sendSuffix: said.after,
    ...(mask === undefined
      ? {}
      : {
          seal: (view: DataView, at: number, bytes: number) =>
            applyMask(view, at, at + bytes, maskAt(mask, said.inside)),
        }),
    deliveryPrefix(who) {
      const one = heard(who);
      if (!find && !Buffer.from(after).equals(one.after))
        throw new Error("the suffix differs from member to member: only room.find can tell where it begins");
      return one.before;
    },
    deliverySuffix: after,
    ...(find ? { find } : {}),
    ...(number
      ? {
          number: (prefix, count) =>
            number(Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length), count),
        }
      : {}),
    ...(acknowledge ? { acknowledge: (unit) => framed(sends.said, bytesOf(acknowledge(unit))) } : {}),
  };
}

/** One body and what stands around it, as a unit. */
const unitOf = (frame: (payloadBytes: number) => Frame, { prefix, suffix }: Around, body: Uint8Array) =>
  framed(frame, Buffer.concat([bytesOf(prefix), body, bytesOf(suffix)]));

type OnWire = Omit<Requests, "framing" | "react" | "promises">;

function requestsOn(request: NonNullable<Definition["request"]>, framing: Framing, sends: Framing): OnWire {
  const named = request.byId ?? false;
  if ("ask" in request) return { named, ...echoesOn(request, framing, sends) };
  return {
    ...{ named, perConnection: false, oneAtATime: false },
    at(place, id, random) {
      const one = request.at(place, id, random);
      return (
        one && {
          text: one.text,
          bytes: framed(sends.said, bytesOf(one.ask)),
          reply: framed(framing.heard, bytesOf(one.answer)),
        }
      );
    },
  };
}

/** What of a reply with a header that varies must be right: its id, if it has one, and its body. */
const essenceOf = (id: string | number | undefined, body: Uint8Array) =>
  Buffer.concat([Buffer.from(`${id ?? ""}\n`), body]);

function echoesOn(
  { ask, answer, find, byId = false, perConnection = false, oneAtATime = false }: EchoRequest,
  framing: Framing,
  sends: Framing,
): Omit<OnWire, "named"> {
  const echo = (id: number, body: Uint8Array, me = ANYBODY) => {
    // Ids count from 1: 0 is none in many protocols.
    const number = id + 1;
    const unit = unitOf(framing.heard, answer(number, body.length, me), body);
    return {
      text: Buffer.from(body).toString("latin1"),
      bytes: unitOf(sends.said, ask(number, body.length, me), body),
      ...(find ? { reply: essenceOf(byId ? number : undefined, body), example: unit } : { reply: unit }),
    };
  };
  return {
    ...{ perConnection, oneAtATime },
    echo,
    at: (place, id, random, me) => echo(id, Buffer.from(bodyText(place, random)), me),
    ...(find
      ? {
          essence(unit: Unit) {
            const reply = find(unit);
            return reply && essenceOf(byId ? reply.id : undefined, unit.subarray(...reply.body));
          },
        }
      : {}),
  };
}

/** The place, and letters that follow from `random`: no two bodies are equal. */
function bodyText(place: number, random: () => number): string {
  let text = `${place.toString(16).padStart(4, "0")}-`;
  while (text.length < BODY_BYTES) text += String.fromCharCode(97 + Math.floor(random() * 26));
  return text;
}

const isText = (value: unknown) => typeof value === "string" && value !== "";
const isFunction = (value: unknown) => typeof value === "function";
const isFlag = (value: unknown) => typeof value === "boolean";
const isObject = (value: unknown) => typeof value === "object" && value !== null;
const isFraming = (value: unknown) => isObject(value) && isFunction((value as Framing).end);

type Field = [fits: (value: unknown) => boolean, words: string];

/** For programs that no type checker has seen. */
const fields: Record<keyof Definition, Field> = {
  name: [
    (value) => typeof value === "string" && /^[\w.+-]+(\/[\w.+-]+)*$/.test(value),
    "a name of letters, digits, and . _ + - /",
  ],
  framing: [(value) => isFunction(value) || isFraming(value), "lines(), lengthPrefixed() …, or a function"],
  sends: [isFraming, "a framing, such as unbounded()"],
  port: [(value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65_536, "a port"],
  path: [(value) => typeof value === "string" && value.startsWith("/"), "a path that begins with /"],
  subprotocol: [isText, "a name"],
  headers: [isFunction, "a function"],
  separatePublishers: [isFlag, "true or false"],
  open: [isFunction, "a generator: *open() { yield … }"],
  control: [isFunction, "a function"],
  room: [isObject, "an object with say and hear"],
  request: [isObject, "an object with ask and answer"],
  promises: [isObject, "an object"],
  primary: [isFlag, "true"],
  dialect: [isObject, "a dialect"],
  dialogue: [isObject, "a dialogue"],
  files: [isFlag, "true"],
};

const roomFields: Record<keyof NonNullable<Definition["room"]>, Field> = {
  say: [isFunction, "a function"],
  hear: [isFunction, "a function"],
  find: [isFunction, "a function"],
  number: [isFunction, "a function"],
  acknowledge: [isFunction, "a function"],
};

const isCount = (value: unknown) => Number.isInteger(value) && Number(value) >= 0;
const promiseFields: Record<keyof Promises, Field> = {
  echoesToSender: [isFlag, "true or false"],
  ordered: [(value) => value === "per sender" || value === false, '"per sender" or false'],
  mayLose: [isFlag, "true or false"],
  mayDuplicate: [isFlag, "true or false"],
  binary: [isFlag, "true or false"],
  queueBytes: [isCount, "a number of bytes"],
  queueMessages: [isCount, "a number of messages"],
  wholeUpTo: [isCount, "a number of bytes"],
};

const requestFields: Record<keyof EchoRequest | "at", Field> = {
  ask: [isFunction, "a function"],
  answer: [isFunction, "a function"],
  find: [isFunction, "a function"],
  at: [isFunction, "a function"],
  byId: [isFlag, "true or false"],
  perConnection: [isFlag, "true or false"],
  oneAtATime: [isFlag, "true or false"],
};

function checkFields(definition: Definition): void {
  const name = isText(definition?.name) ? definition.name : "without a name";
  const check = (value: object, table: Record<string, Field>, within: string, needed: string[]) => {
    for (const field of needed)
      if ((value as Record<string, unknown>)[field] === undefined)
        throw fieldFailure(name, within + field, `it is missing: ${table[field][1]}`);
    for (const [field, given] of Object.entries(value)) {
      if (given === undefined) continue;
      if (!(field in table))
        throw fieldFailure(name, within + field, `unknown; expected one of ${Object.keys(table).join(", ")}`);
      const [fits, words] = table[field];
      if (!fits(given)) throw fieldFailure(name, within + field, `expected ${words}, not ${shown(given)}`);
    }
  };
  if (!isObject(definition)) throw fieldFailure(name, "the definition", "expected an object");
  check(definition, fields, "", ["name", "framing"]);
  const { room, request, promises } = definition;
  if (room) check(room, roomFields, "room.", ["say", "hear"]);
  if (request) check(request, requestFields, "request.", "at" in request ? ["at"] : ["ask", "answer"]);
  if (promises) check(promises, promiseFields, "promises.", []);
}

const shown = (value: unknown) => Bun.inspect(value, { depth: 1 }).replace(/\s+/g, " ").slice(0, 60);
