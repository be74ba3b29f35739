/**
 * `connect --protocol`: a member of a room, or a client that asks, by hand. What a protocol says on joining is said, each
 * line of the input is a message or the body of a request, pings are answered, and what comes is a line of the output.
 */
import { joining } from "../../clients/joining.ts";
import { openMembers } from "../../clients/members.ts";
import { createUnits } from "../../clients/units.ts";
import { payloadOf } from "../../protocols/define.ts";
import { framed } from "../../protocols/framing.ts";
import { findProtocol, protocolOf } from "../../protocols/index.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import { byLines, type Link, type LinkOptions, targetOf, unreachable } from "./link.ts";

/** What stands around a message or a body is shorter. */
const AROUND_BYTES = 1024;
/** Requests without a reply so far, of which the reply's body would be shown alone. */
const MAX_WAITING = 1000;

/** `nats://host` where a protocol is called so: its transport's address, with its own port unless one is given. */
export function addressBy(scheme: string, url: string): string | undefined {
  const protocol = findProtocol(scheme);
  const [, place, path = ""] = /^[^:]+:\/\/([^/]+)(.*)$/.exec(url) ?? [];
  if (!(protocol?.room ?? protocol?.requests) || place === undefined) return undefined;
  const port = /:\d+$/.test(place) ? "" : `:${protocol.port}`;
  return `${protocol.transport}://${place}${port}${path || (protocol.path ?? "")}`;
}

/** Opens a link that speaks this protocol. */
export const memberBy =
  (name: string, topic: string) =>
  async (url: string, { trust, output }: LinkOptions): Promise<Link> => {
    const protocol = protocolOf(name);
    const role = protocol.room ? "member" : "client";
    const target = targetOf(url, trust);
    const { promise: closed, resolve } = Promise.withResolvers<string | undefined>();
    const asked = createAsking(protocol);
    const show = (unit: Uint8Array) => {
      const text = Buffer.from(asked.bodyOf(unit) ?? messageOf(protocol, topic, unit)).toString();
      output(text.endsWith("\n") ? text : `${text}\n`);
    };
    const units = createUnits(protocol, role, show);
    const join = joining({
      protocol,
      topic,
      role,
      onHearing: (_, connection) => units.answerBy(connection),
      onStray: (_, unit) => show(unit),
    });
    const handlers = {
      onBytes: (_: number, chunk: Uint8Array) => units.read(chunk),
      onLost: (_: number, reason: string) => resolve(reason),
    };
    const [member] = await openMembers(target, 1, handlers, join).catch((error: unknown) => {
      throw unreachable(url, error);
    });
    const lines = byLines((line) => {
      const unit = protocol.room ? said(protocol.room, topic, line) : asked.ask(line);
      member.send(unit, 0, unit.length);
    });
    return {
      closed,
      close: member.close,
      // No half-close: to most servers a member that says so has left the room.
      finish: () => void lines.last(),
      send: lines.send,
    };
  };

/** A line as a message. */
function said(room: NonNullable<Protocol["room"]>, topic: string, line: Uint8Array): Uint8Array {
  const wire = room(line.length, topic);
  const unit = new Uint8Array([...wire.sendPrefix, ...line, ...wire.sendSuffix]);
  wire.seal?.(new DataView(unit.buffer), wire.sendPrefix.length, line.length);
  return unit;
}

const nobody = { address: "", id: "" };

/** The message of a delivery alone; the payload of a unit that is none, or that names who said it. */
function messageOf({ room, framing }: Protocol, topic: string, unit: Uint8Array): Uint8Array {
  const payload = payloadOf(framing, unit, 0, unit.length);
  const place = room?.(1, topic).find?.(payload);
  if (place) return payload.subarray(...place);
  if (!room) return payload;
  // What stands around a message may tell its length.
  for (let bytes = unit.length; bytes >= Math.max(0, unit.length - AROUND_BYTES); bytes--) {
    const wire = room(bytes, topic);
    const prefix = wire.deliveryPrefix(nobody);
    if (prefix.length + bytes + wire.deliverySuffix.length !== unit.length) continue;
    const body = unit.subarray(prefix.length, prefix.length + bytes);
    if (Buffer.concat([prefix, body, wire.deliverySuffix]).equals(unit)) return body;
  }
  return payload;
}

/** Requests by hand: a line is the body of one, or its payload where requests are no echoes. */
function createAsking({ requests, sends, framing }: Protocol) {
  const waiting: { reply: Uint8Array; body: Uint8Array }[] = [];
  let id = 0;
  return {
    ask(line: Uint8Array): Uint8Array {
      const request = requests?.echo?.(id++, line);
      if (!request) return framed(sends.said, line);
      waiting.push({ reply: request.reply, body: line.slice() });
      if (waiting.length > MAX_WAITING) waiting.shift();
      return request.bytes;
    },
    /** The body of a right reply. */
    bodyOf(unit: Uint8Array): Uint8Array | undefined {
      const bytes = requests?.essence ? requests.essence(payloadOf(framing, unit, 0, unit.length)) : unit;
      const at = waiting.findIndex(({ reply }) => bytes !== undefined && Buffer.compare(reply, bytes) === 0);
      return at < 0 ? undefined : waiting.splice(at, 1)[0].body;
    },
  };
}
