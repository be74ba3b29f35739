/**
 * How a room's messages look from the client's side: what stands around a text that is sent, what stands
 * around it when it is delivered, and how to find the end of a unit that is not one of ours.
 *
 * For every room protocol a delivery is constant bytes, the message, constant bytes; a WebSocket frame's
 * header is just more of the first. So one reader verifies them all.
 */
import { type Dialect, dialects } from "../protocols/chat.ts";
import { relayPrefix } from "../protocols/relay.ts";

export type RoomProtocol = keyof typeof dialects | "relay" | "chat/ws";

/** How a server knows a sender: by its address, or by the id it was given. */
export type SpeakerHere = { address: string; id: number };

export type RoomWire = {
  transport: "tcp" | "udp" | "ws";
  /** Whether a sender gets its own messages. */
  echoes: boolean;
  sendPrefix: Uint8Array;
  sendSuffix: Uint8Array;
  /** What stands before a message of `messageBytes` by this sender when it is delivered. */
  deliveryPrefix: (speaker: SpeakerHere, messageBytes: number) => Uint8Array;
  deliverySuffix: Uint8Array;
  /** What bounds a unit: a newline, the datagram, or the WebSocket frame's own length. */
  unit: "line" | "datagram" | "frame";
  /** The id that a greeting tells its newcomer. */
  greeting?: RegExp;
  /** What the server says by itself, such as who joined. */
  notice?: RegExp;
};

const encode = (text: string) => new Uint8Array(Buffer.from(text));

/** Escapes a text for a pattern, then lets numbers and addresses in it be any. */
function patternOf(make: ((who: SpeakerHere) => string) | undefined): RegExp | undefined {
  if (!make) return undefined;
  const [id, address] = [987_654, "@address@"];
  const text = make({ id, address }).replace(/\n$/, "");
  const source = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${source.replace(String(id), "(\\d+)").replace(address, '[^"]+')}\\n?$`);
}

function dialectWire(name: keyof typeof dialects): RoomWire {
  const dialect: Dialect = dialects[name];
  const now = Math.floor(Date.now() / 1000);
  // The text is part of a JSON string in chat/json, and stands behind the sender's own stamp in chat/stamped.
  const inObject = dialect.units === "objects";
  const stamp = name === "chat/stamped" ? dialect.say.prefix(now) : "";
  const notices = [dialect.joined, dialect.left].map(patternOf).filter((pattern) => pattern !== undefined);
  return {
    transport: "tcp",
    echoes: dialect.echoes,
    sendPrefix: encode(dialect.say.prefix(now)),
    sendSuffix: encode(dialect.say.suffix),
    deliveryPrefix: (speaker) => encode(dialect.prefix(speaker) + (inObject ? '"' : stamp)),
    deliverySuffix: encode((inObject ? '"' : "") + dialect.suffix),
    unit: "line",
    ...(dialect.greeting ? { greeting: patternOf(dialect.greeting)! } : {}),
    ...(notices.length > 0 ? { notice: new RegExp(notices.map((pattern) => pattern.source).join("|")) } : {}),
  };
}

const relayWire: RoomWire = {
  transport: "udp",
  echoes: false,
  sendPrefix: encode(""),
  sendSuffix: encode(""),
  deliveryPrefix: ({ address }) => encode(relayPrefix(address)),
  deliverySuffix: encode(""),
  unit: "datagram",
  // A relay may pass on the empty datagram by which a client registers.
  notice: /^\[.+\]: $/,
};

/** The header of a server's text frame (RFC 6455 5.2): FIN and opcode 1, then 7, 16 or 64 bits of length. */
function textFrameHeader(length: number): Uint8Array {
  if (length < 126) return new Uint8Array([0x81, length]);
  if (length < 65_536) return new Uint8Array([0x81, 126, length >> 8, length & 0xff]);
  const header = new Uint8Array(10);
  header.set([0x81, 127]);
  new DataView(header.buffer).setBigUint64(2, BigInt(length));
  return header;
}

const webSocketWire: RoomWire = {
  transport: "ws",
  echoes: false,
  sendPrefix: encode(""),
  sendSuffix: encode(""),
  deliveryPrefix({ address }, messageBytes) {
    const text = encode(`[${address}]: `);
    return new Uint8Array([...textFrameHeader(text.length + messageBytes + 1), ...text]);
  },
  deliverySuffix: encode("\n"),
  unit: "frame",
};

/** The client's view of a room protocol. */
export function roomWire(protocol: RoomProtocol): RoomWire {
  if (protocol === "relay") return relayWire;
  if (protocol === "chat/ws") return webSocketWire;
  return dialectWire(protocol);
}
