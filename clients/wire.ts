/**
 * How a room's messages look from the client's side: what stands around a text that is sent, what stands
 * around it when it is delivered, and how to find the end of a unit that is not one of ours.
 *
 * For every room protocol a delivery is constant bytes, the message, constant bytes; a WebSocket frame's
 * header is just more of the first. So one reader verifies them all.
 */
import { type Dialect, dialects, MAX_QUEUE_BYTES } from "../protocols/chat.ts";
import { MAX_QUEUE_BYTES as MAX_WS_QUEUE_BYTES } from "../protocols/chat-ws.ts";
import { relayPrefix } from "../protocols/relay.ts";
import {
  applyMask,
  encodeFrame,
  FIN,
  headerBytes,
  opcodeOf,
  opcodes,
  writeHeader,
} from "../protocols/websocket.ts";
import type { Member } from "./members.ts";

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
  /** Changes a message that has been written in place, as masking does. */
  seal?: (view: DataView, at: number, messageBytes: number) => void;
  /** What a server keeps at least for a reader who falls behind, before it may end the connection. */
  queueBytes?: number;
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
    queueBytes: MAX_QUEUE_BYTES,
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

/** The header of a text frame that is a whole message. */
function textFrameHeader(length: number, mask?: number): Uint8Array {
  const header = new Uint8Array(headerBytes(length, mask !== undefined));
  writeHeader(new DataView(header.buffer), 0, FIN | opcodes.text, length, mask);
  return header;
}

/** What the client's frames are masked with: any but zero makes the server do the work (RFC 6455 5.3). */
export const FLEET_MASK = 0x5a17c3e9;

const webSocketWire = (messageBytes: number): RoomWire => ({
  transport: "ws",
  echoes: false,
  sendPrefix: textFrameHeader(messageBytes, FLEET_MASK),
  seal: (view, at, bytes) => applyMask(view, at, at + bytes, FLEET_MASK),
  sendSuffix: encode(""),
  deliveryPrefix({ address }, messageBytes) {
    const text = encode(`[${address}]: `);
    return new Uint8Array([...textFrameHeader(text.length + messageBytes + 1), ...text]);
  },
  deliverySuffix: encode("\n"),
  queueBytes: MAX_WS_QUEUE_BYTES,
  unit: "frame",
});

/** A ping is answered, as every client has to (RFC 6455 5.5.2); the other control frames ask for nothing. */
export function answerControl(member: Pick<Member, "send">, frame: Uint8Array): void {
  if (opcodeOf(frame[0]) !== opcodes.ping) return;
  // A server's frame has no mask, and a control frame's length is one byte.
  const pong = encodeFrame(FIN | opcodes.pong, frame.subarray(2), FLEET_MASK);
  member.send(pong, 0, pong.length);
}

/** The client's view of a room protocol, for messages of this size. */
export function roomWire(protocol: RoomProtocol, messageBytes: number): RoomWire {
  if (protocol === "relay") return relayWire;
  if (protocol === "chat/ws") return webSocketWire(messageBytes);
  return dialectWire(protocol);
}
