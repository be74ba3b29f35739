/** MQTT 3.1.1 (OASIS standard): a topic is a room. QoS 0: a broker may drop what it likes. */
import {
  defineProtocol,
  expect,
  ignore,
  type Protocol,
  type RoomDefinition,
  send,
  type Unit,
} from "sockbench/protocol";

/** Fixed header: a byte, then the length of the rest, 7 bits a byte (2.2.3). */
function packetEnd(bytes: Unit): number | undefined {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    if (i >= bytes.length) return undefined;
    length += (bytes[i] & 127) * 128 ** (i - 1);
    if (bytes[i] < 128) return i + 1 + length;
  }
  throw new Error("a remaining length of more than 4 bytes");
}

function header(type: number, length: number): Buffer {
  const bytes = [type];
  for (let rest = length; ; rest = rest >> 7) {
    bytes.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

const uint16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const text = (value: string) => Buffer.concat([uint16(Buffer.byteLength(value)), Buffer.from(value)]);
export const packet = (type: number, ...parts: Uint8Array[]) => {
  const rest = Buffer.concat(parts);
  return Buffer.concat([header(type, rest.length), rest]);
};

export const types = { connack: 0x20, publish: 0x30, puback: 0x40, suback: 0x90, pingresp: 0xd0 } as const;
export const typeOf = (unit: Unit): number => unit[0] & 0xf0;

function published(qos: 0 | 1, topic: string, bytes: number) {
  const rest = qos === 0 ? text(topic) : Buffer.concat([text(topic), uint16(1)]);
  return { prefix: Buffer.concat([header(types.publish | (qos << 1), rest.length + bytes), rest]) };
}

/** @param more what differs with a higher quality of service */
export const mqtt = (name: string, qos: 0 | 1, more: Partial<RoomDefinition> = {}): Protocol =>
  defineProtocol({
    name,
    port: 1883,
    framing: packetEnd,
    *open({ topic, user, password }) {
      const flags = 0x02 | (user ? 0x80 : 0) | (password ? 0x40 : 0);
      const login = [user, password].filter(Boolean).map(text);
      // No keep-alive; an empty name is one of the server's (3.1.3.1).
      const start = Buffer.concat([text("MQTT"), Buffer.from([4, flags, 0, 0]), text("")]);
      yield send(packet(0x10, start, ...login));
      yield expect((unit) => typeOf(unit) === types.connack && unit[3] === 0);
      yield send(packet(0x82, uint16(1), text(topic), Buffer.from([qos])));
      yield expect((unit) => typeOf(unit) === types.suback && unit[4] === qos);
    },
    control: (unit) =>
      [types.puback, types.pingresp].some((type) => type === typeOf(unit)) ? ignore : undefined,
    room: {
      say: (topic, bytes) => published(qos, topic, bytes),
      hear: (topic, bytes) => published(qos, topic, bytes),
      ...more,
    },
    promises: {
      echoesToSender: true,
      ordered: "per sender",
      binary: true,
      ...(qos === 0 ? { mayLose: true } : { mayDuplicate: true }),
      // mosquitto's max_queued_messages, by default.
      queueMessages: 1000,
    },
  });

export default mqtt("mqtt", 0);
