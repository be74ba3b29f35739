/** MQTT 3.1.1 with QoS 1: at least once, so that what comes again is told and no fault. */
import type { RoomDefinition, Unit } from "sockbench/protocol";
import { mqtt, packet, typeOf, types } from "./mqtt.ts";

const ID_BYTES = 2;

/** Where the packet identifier of a PUBLISH with QoS 1 stands, before its message. */
function idAt(unit: Unit): number {
  let at = 1;
  while (unit[at++] >= 128);
  return at + 2 + unit.readUInt16BE(at);
}

/** What differs with QoS 1: each message has a packet identifier, and each delivery is acknowledged (4.3.2). */
const atLeastOnce: Partial<RoomDefinition> = {
  // None that is in flight: a sender has 65,535 of them.
  number: (prefix: Buffer, count: number) =>
    void prefix.writeUInt16BE((count % 65_535) + 1, prefix.length - ID_BYTES),
  find: (unit: Unit) =>
    typeOf(unit) === types.publish && (unit[0] & 6) === 2
      ? ([idAt(unit) + ID_BYTES, unit.length] as const)
      : undefined,
  acknowledge: (unit: Unit) => packet(types.puback, unit.subarray(idAt(unit), idAt(unit) + ID_BYTES)),
};

export default mqtt("mqtt/qos1", 1, atLeastOnce);
