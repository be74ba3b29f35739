/** A WebSocket connection of raw frames: it can break every rule, and sees each frame as it was sent. */
import {
  closeCode,
  createFrameBuffer,
  encodeFrame,
  FIN,
  type FrameHandler,
  type FrameHeader,
  isControl,
  isFinal,
  opcodeOf,
  opcodes,
  splitFrames,
} from "../protocols/websocket.ts";
import { type TcpPeer, until } from "./peer.ts";
import { Violation } from "./violation.ts";
import { show } from "./wire-log.ts";

/** More than any case lets a server send, in bytes and in frames. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;
const MAX_UNREAD_FRAMES = 50_000;
/** Any constant does: what a mask is for is not at stake here (RFC 6455 10.3). */
const MASK = 0x5a_c3_17_e9;

export type Frame = {
  first: number;
  payload: Buffer;
  masked: boolean;
  /** Bytes that the header took. */
  headerBytes: number;
};

export type WsPeer = {
  readonly kind: "ws";
  readonly name: string;
  readonly tcp: TcpPeer;
  /** The code of the close frame that was received; undefined while none was. */
  closeCode: () => number | undefined;
  send: (first: number, payload: Uint8Array | string) => void;
  /** Sends bytes as they are, whether frames or not. */
  sendRaw: (bytes: Uint8Array) => void;
  text: (text: string) => void;
  /** Frames that were received and no expectation has taken yet; a Violation when the server floods this peer. */
  frames: () => Frame[];
};

export const frameOf = (first: number, payload: Uint8Array | string): Uint8Array =>
  encodeFrame(first, payload, MASK);

/** Reads frames from a connection whose handshake is done. */
export function overTcp(tcp: TcpPeer): WsPeer {
  const buffer = createFrameBuffer();
  const frames: Frame[] = [];
  let code: number | undefined;
  /** Payload bytes received since no frame was unread: at least those that are queued. */
  let unreadBytes = 0;
  const fits = ({ payloadBytes }: FrameHeader) =>
    frames.length < MAX_UNREAD_FRAMES && unreadBytes + payloadBytes <= MAX_FRAME_BYTES;
  /** Why reading has stopped. */
  let trouble: Violation | undefined;
  const read = () => {
    if (trouble) return;
    if (frames.length === 0) unreadBytes = 0;
    const chunk = tcp.take(tcp.unread().length);
    const keep: FrameHandler = ({ first, masked, payloadBytes, headerBytes }, bytes, from, to) => {
      const payload = Buffer.from(bytes.subarray(from, to));
      if (opcodeOf(first) === opcodes.close) code ??= closeCode(payload);
      unreadBytes += payloadBytes;
      frames.push({ first, payload, masked, headerBytes });
    };
    if (splitFrames(buffer, chunk, MAX_FRAME_BYTES, keep, fits)) return;
    tcp.stopReading();
    trouble = new Violation(
      `${tcp.name} receives what the case expects and no flood`,
      `received a frame of ${buffer.header.payloadBytes} bytes after ${frames.length} others; stopped reading`,
    );
  };
  return {
    kind: "ws",
    name: tcp.name,
    tcp,
    frames() {
      read();
      if (trouble) throw trouble;
      return frames;
    },
    closeCode() {
      read();
      return code;
    },
    send: (first, payload) => tcp.send(frameOf(first, payload)),
    sendRaw: (bytes) => tcp.send(bytes),
    text: (text) => tcp.send(frameOf(FIN | opcodes.text, text)),
  };
}

const names: Record<number, string> = {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

export function showFrame({ first, payload }: Frame): string {
  const opcode = opcodeOf(first);
  const kind = names[opcode] ?? `opcode ${opcode}`;
  const part = isFinal(first) ? "" : " (not final)";
  if (opcode === opcodes.close)
    return `a close frame with ${payload.length < 2 ? "no code" : `code ${closeCode(payload)} ${show(payload.subarray(2))}`}`;
  return `a ${kind} frame${part} with ${show(payload)}`;
}

/**
 * Where the first such frame is among those unread, or -1: called repeatedly while more arrive, it looks only at
 * new ones. None may be taken meanwhile.
 */
export function firstFrame(peer: WsPeer, is: (frame: Frame) => boolean): () => number {
  let looked = 0;
  let found = -1;
  return () => {
    for (const frames = peer.frames(); found < 0 && looked < frames.length; looked++)
      if (is(frames[looked])) found = looked;
    return found;
  };
}

/** The next frame, in time. */
export async function nextFrame(peer: WsPeer, wish: string, timeout = peer.tcp.timeout): Promise<Frame> {
  await until(peer.tcp, timeout, () => peer.frames().length > 0 || peer.tcp.ended !== "open");
  const frame = peer.frames().shift();
  if (frame) return frame;
  throw new Violation(
    `${peer.name} receives ${wish}`,
    peer.tcp.ended === "open" ? `received nothing within ${timeout} ms` : "the connection ended first",
  );
}

/** The next frame is an unfragmented one with this opcode and payload. */
export async function frame(peer: WsPeer, opcode: number, payload: Uint8Array | string): Promise<Frame> {
  const bytes = Buffer.from(payload);
  const wish = showFrame({ first: FIN | opcode, payload: bytes, masked: false, headerBytes: 0 });
  const next = await nextFrame(peer, wish);
  if (next.first !== (FIN | opcode) || !next.payload.equals(bytes))
    throw new Violation(`${peer.name} receives ${wish}`, `received ${showFrame(next)}`);
  return next;
}

/** The next message, whole or in fragments as the server likes, is this one (RFC 6455 5.4). */
export async function message(peer: WsPeer, opcode: number, payload: Uint8Array | string): Promise<void> {
  const bytes = Buffer.from(payload);
  const wish = `a ${names[opcode]} message of ${bytes.length} bytes, ${show(bytes)}`;
  const parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    const next = await nextFrame(peer, wish);
    const expected = parts.length === 0 ? opcode : opcodes.continuation;
    if (isControl(next.first) || (next.first & 0x7f) !== expected)
      throw new Violation(`${peer.name} receives ${wish}`, `received ${showFrame(next)}`);
    parts.push(next.payload);
    length += next.payload.length;
    // Fragments without end, empty ones included.
    const endless = length > bytes.length || parts.length > bytes.length + 1000;
    if (!isFinal(next.first) && !endless) continue;
    const whole = Buffer.concat(parts);
    if (whole.equals(bytes)) return;
    throw new Violation(`${peer.name} receives ${wish}`, `received ${whole.length} bytes, ${show(whole)}`);
  }
}

/** No frame for a while; the connection stays. */
export async function noFrame(peer: WsPeer, milliseconds = 120): Promise<void> {
  if (!(await until(peer.tcp, milliseconds, () => peer.frames().length > 0))) return;
  throw new Violation(
    `${peer.name} receives nothing for ${milliseconds} ms`,
    `received ${showFrame(peer.frames()[0])}`,
  );
}

/** A close frame with one of these codes is received, whatever was received before it. */
export async function closedWith(
  peer: WsPeer,
  codes: readonly number[],
  should = false,
  timeout = peer.tcp.timeout,
): Promise<void> {
  const over = () => {
    peer.frames();
    return peer.closeCode() !== undefined || peer.tcp.ended !== "open";
  };
  await until(peer.tcp, timeout, over);
  const code = peer.closeCode();
  if (code === undefined && peer.tcp.ended === "open")
    throw new Violation(
      `the server fails ${peer.name}'s connection within ${timeout} ms`,
      "it is still open",
    );
  if (code !== undefined && codes.includes(code)) return;
  throw new Violation(
    `a close frame with code ${codes.join(" or ")}`,
    code === undefined ? "the connection ended without a close frame" : `the code is ${code}`,
    should ? "SHOULD" : undefined,
  );
}
