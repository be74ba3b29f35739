/**
 * Many datagrams by one sendmmsg(2), to destinations that are sent to again and again. Bun's own `sendMany` (1.4.5)
 * makes each address from its text anew, datagram by datagram; here that is done once a destination.
 */
import { type Pointer, ptr } from "bun:ffi";
import { libc } from "./libc.ts";
import { fdOf } from "./socket-options.ts";
import { sockaddrOf } from "./udp-source.ts";

const MSG_DONTWAIT = 0x40;
/** 32-bit words of struct mmsghdr and struct iovec on 64-bit Linux. */
const HEADER_WORDS = 16;
const VECTOR_WORDS = 4;
/** In a header, by word: name, its length, vectors, how many. */
const [NAME, NAME_LENGTH, VECTORS, VECTOR_COUNT] = [0, 2, 4, 6];

/** A `struct sockaddr` that stays where it is in memory. */
export type Destination = { readonly name: Uint8Array; readonly at: number };

/** Undefined where there is no C library, and for a scoped address. */
export function destinationOf(ip: string, port: number): Destination | undefined {
  const sockaddr = sockaddrOf(ip, port);
  if (!sockaddr) return undefined;
  // Memory of an ArrayBuffer of its own never moves; that of a small array does when its `buffer` is asked for.
  const name = new Uint8Array(new ArrayBuffer(sockaddr.length));
  name.set(sockaddr);
  return { name, at: ptr(name) };
}

export type Datagrams = ReturnType<typeof createDatagrams>;

/** Room for `limit` datagrams that are sent together. */
export function createDatagrams(limit: number) {
  const headers = wordsOf(limit * HEADER_WORDS);
  const vectors = wordsOf(limit * VECTOR_WORDS);
  /** What the pointers point to must live until it has been sent. */
  const held: unknown[] = new Array(limit * 2);
  let count = 0;
  let payload: Uint8Array | undefined;
  let payloadAt = 0;
  for (let i = 0; i < limit; i++) {
    setPointer(headers.words, i * HEADER_WORDS + VECTORS, vectors.at + i * VECTOR_WORDS * 4);
    headers.words[i * HEADER_WORDS + VECTOR_COUNT] = 1;
  }
  return {
    count: () => count,
    /** The bytes must not be changed until they have been sent. */
    add(bytes: Uint8Array, to: Destination): void {
      if (bytes !== payload) {
        payload = bytes;
        payloadAt = ptr(bytes);
      }
      const vector = count * VECTOR_WORDS;
      setPointer(vectors.words, vector, payloadAt);
      vectors.words[vector + 2] = bytes.length;
      const header = count * HEADER_WORDS;
      setPointer(headers.words, header + NAME, to.at);
      headers.words[header + NAME_LENGTH] = to.name.length;
      held[count * 2] = bytes;
      held[count * 2 + 1] = to;
      count++;
    },
    /** Sends from the `first` on: how many the system took, 0 or fewer for an error. */
    sendFrom(socket: object, first: number): number {
      const at = (headers.at + first * HEADER_WORDS * 4) as Pointer;
      return libc?.sendmmsg(fdOf(socket) ?? -1, at, count - first, MSG_DONTWAIT) ?? 0;
    },
    clear(): void {
      held.fill(undefined, 0, count * 2);
      payload = undefined;
      count = 0;
    },
  };
}

/** Zeros, and where they are. */
function wordsOf(length: number): { words: Uint32Array; at: number } {
  const words = new Uint32Array(new ArrayBuffer(length * 4));
  return { words, at: ptr(words) };
}

/** Pointers have 48 bits, numbers 53. */
function setPointer(words: Uint32Array, at: number, pointer: number): void {
  words[at] = pointer;
  words[at + 1] = pointer / 0x1_0000_0000;
}
