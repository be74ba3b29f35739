/** A WebSocket connection by raw frames: it can break every rule, and sees each frame as it came. */
import {
  closeCode,
  createFrameBuffer,
  encodeFrame,
  FIN,
  isControl,
  isFinal,
  opcodeOf,
  opcodes,
  splitFrames,
} from "../protocols/websocket.ts";
import { type TcpPeer, until } from "./peer.ts";
import { Violation } from "./violation.ts";
import { show } from "./wire-log.ts";

/** Larger than what any case lets a server send. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;
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
  /** The code of the close frame that came; undefined while none has. */
  closeCode: () => number | undefined;
  send: (first: number, payload: Uint8Array | string) => void;
  /** Bytes as they are, with or without any frame in them. */
  sendRaw: (bytes: Uint8Array) => void;
  text: (text: string) => void;
  /** Frames that have come and no expectation has taken yet. */
  frames: () => Frame[];
};

export const frameOf = (first: number, payload: Uint8Array | string): Uint8Array =>
  encodeFrame(first, payload, MASK);

/** Reads frames from a connection whose handshake is done. */
export function overTcp(tcp: TcpPeer): WsPeer {
  const buffer = createFrameBuffer();
  const frames: Frame[] = [];
  let code: number | undefined;
  const read = () => {
    const chunk = tcp.take(tcp.unread().length);
    const ok = splitFrames(buffer, chunk, MAX_FRAME_BYTES, (header, bytes, from, to) => {
      const payload = Buffer.from(bytes.subarray(from, to));
      if (opcodeOf(header.first) === opcodes.close) code ??= closeCode(payload);
      frames.push({
        first: header.first,
        payload,
        masked: header.masked,
        headerBytes: header.headerBytes,
      });
    });
    if (!ok) throw new Violation("frames of a sensible length", "a frame announces more than 32 MiB");
    return frames;
  };
  return {
    kind: "ws",
    name: tcp.name,
    tcp,
    frames: read,
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

/** The next frame, in time. */
export async function nextFrame(peer: WsPeer, wish: string, patience = peer.tcp.patience): Promise<Frame> {
  await until(peer.tcp, patience, () => peer.frames().length > 0 || peer.tcp.ended !== "open");
  const frame = peer.frames().shift();
  if (frame) return frame;
  throw new Violation(
    `${peer.name} receives ${wish}`,
    peer.tcp.ended === "open" ? `nothing came within ${patience} ms` : "the connection ended without it",
  );
}

/** The next frame is a whole one of this opcode with this payload. */
export async function frame(peer: WsPeer, opcode: number, payload: Uint8Array | string): Promise<Frame> {
  const bytes = Buffer.from(payload);
  const wish = showFrame({ first: FIN | opcode, payload: bytes, masked: false, headerBytes: 0 });
  const next = await nextFrame(peer, wish);
  if (next.first !== (FIN | opcode) || !next.payload.equals(bytes))
    throw new Violation(`${peer.name} receives ${wish}`, `came ${showFrame(next)}`);
  return next;
}

/** The next message, whole or in fragments as the server likes, is this one (RFC 6455 5.4). */
export async function message(peer: WsPeer, opcode: number, payload: Uint8Array | string): Promise<void> {
  const bytes = Buffer.from(payload);
  const wish = `a ${names[opcode]} message of ${bytes.length} bytes, ${show(bytes)}`;
  const parts: Buffer[] = [];
  for (;;) {
    const next = await nextFrame(peer, wish);
    const expected = parts.length === 0 ? opcode : opcodes.continuation;
    if (isControl(next.first) || (next.first & 0x7f) !== expected)
      throw new Violation(`${peer.name} receives ${wish}`, `came ${showFrame(next)}`);
    parts.push(next.payload);
    if (!isFinal(next.first)) continue;
    const whole = Buffer.concat(parts);
    if (whole.equals(bytes)) return;
    throw new Violation(`${peer.name} receives ${wish}`, `came ${whole.length} bytes, ${show(whole)}`);
  }
}

/** No frame for a while; the connection stays. */
export async function noFrame(peer: WsPeer, milliseconds = 120): Promise<void> {
  if (!(await until(peer.tcp, milliseconds, () => peer.frames().length > 0))) return;
  throw new Violation(
    `${peer.name} receives nothing for ${milliseconds} ms`,
    `came ${showFrame(peer.frames()[0])}`,
  );
}

/** A close frame with one of these codes comes, whatever came before it. */
export async function closedWith(
  peer: WsPeer,
  codes: readonly number[],
  should = false,
  patience = peer.tcp.patience,
): Promise<void> {
  await until(peer.tcp, patience, () => peer.closeCode() !== undefined || peer.tcp.ended !== "open");
  const code = peer.closeCode();
  if (code === undefined && peer.tcp.ended === "open")
    throw new Violation(
      `the server fails ${peer.name}'s connection within ${patience} ms`,
      "it is still open",
    );
  if (code !== undefined && codes.includes(code)) return;
  throw new Violation(
    `a close frame with code ${codes.join(" or ")}`,
    code === undefined ? "the connection ended without a close frame" : `the code is ${code}`,
    should ? "SHOULD" : undefined,
  );
}
