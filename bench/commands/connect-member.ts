/**
 * `connect --protocol`: a member of a room by hand. What a protocol says on joining is said, each line of the input
 * becomes a message, pings are answered, and the payload of everything else that comes is a line of the output.
 */
import { joining } from "../../clients/joining.ts";
import { type Member, openMembers } from "../../clients/members.ts";
import { createUnits } from "../../clients/units.ts";
import { payloadOf } from "../../protocols/define.ts";
import { framed } from "../../protocols/framing.ts";
import { protocolOf } from "../../protocols/index.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import { byLines, type Link, type LinkOptions, targetOf, unreachable } from "./link.ts";

/** Opens a link that speaks this protocol. */
export const memberBy =
  (name: string, topic: string) =>
  async (url: string, { trust, output }: LinkOptions): Promise<Link> => {
    const protocol = protocolOf(name);
    const target = targetOf(url, trust);
    const { promise: closed, resolve } = Promise.withResolvers<string | undefined>();
    const show = (unit: Uint8Array) => {
      const payload = payloadOf(protocol.framing, unit, 0, unit.length).toString();
      output(payload.endsWith("\n") ? payload : `${payload}\n`);
    };
    const units = createUnits(protocol, "member", show);
    const join = joining({
      protocol,
      topic,
      role: "member",
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
    const lines = byLines((line) => say(protocol, topic, member, line));
    return {
      closed,
      close: member.close,
      finish: () => void Promise.resolve(lines.last()).then(member.finish),
      send: lines.send,
    };
  };

/** A line as a message; where the protocol has no room, as the payload of a unit. */
function say({ room, sends }: Protocol, topic: string, member: Member, line: Uint8Array): void {
  if (!room) {
    const unit = framed(sends.said, line);
    member.send(unit, 0, unit.length);
    return;
  }
  const wire = room(line.length, topic);
  const unit = new Uint8Array([...wire.sendPrefix, ...line, ...wire.sendSuffix]);
  wire.seal?.(new DataView(unit.buffer), wire.sendPrefix.length, line.length);
  member.send(unit, 0, unit.length);
}
