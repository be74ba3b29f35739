/**
 * A plain connection for scenarios that look at bytes rather than rates: it gathers what comes, and waits, for
 * a bounded time, until so many bytes are there.
 */

import type { Endpoint } from "./endpoint.ts";
import { type Member, openMembers } from "./members.ts";

/** More than any case lets a server send: past it nothing more is read. */
const MAX_UNREAD_BYTES = 16 * 1_048_576;

export type Probe = {
  address: string;
  port: number;
  send: (bytes: Uint8Array) => void;
  /** Waits until so many bytes have come since the last `take`; false when nothing more comes for so long. */
  arrived: (bytes: number, milliseconds: number) => Promise<boolean>;
  /** What has come since the last call. */
  take: () => Uint8Array;
  /** Each `data` event's size since the last call: how the kernel handed the bytes over. */
  takeReads: () => number[];
  /** Why nothing more comes: the server has ended the connection, or it never ends what it sends. */
  lost: () => string | undefined;
  /** Half-closes: a server that ends the connection then has sent all that it is going to send. */
  finish: () => void;
  close: () => void;
};

/** Opens probes on a target, in order. */
export async function openProbes(target: Endpoint, count: number): Promise<Probe[]> {
  const states = Array.from({ length: count }, () => ({
    chunks: [] as Uint8Array[],
    reads: [] as number[],
    bytes: 0,
    lost: undefined as string | undefined,
    wake: () => {},
  }));
  let members: Member[] = [];
  members = await openMembers(target, count, {
    onBytes(index, chunk) {
      const state = states[index];
      if (state.lost !== undefined) return;
      state.chunks.push(chunk);
      state.reads.push(chunk.length);
      state.bytes += chunk.length;
      if (state.bytes > MAX_UNREAD_BYTES) {
        state.lost ??= `it sent over ${MAX_UNREAD_BYTES >> 20} MiB that nobody had asked for`;
        members[index]?.close();
      }
      state.wake();
    },
    onLost(index, reason) {
      states[index].lost = `the server ended the connection: ${reason}`;
      states[index].wake();
    },
  });
  return members.map((member, index) => {
    const state = states[index];
    return {
      address: member.address,
      port: member.port,
      send: (bytes) => void member.send(bytes, 0, bytes.length),
      arrived: (bytes, milliseconds) => waitFor(state, () => state.bytes >= bytes, milliseconds),
      take() {
        const all = state.chunks.length === 1 ? state.chunks[0] : Buffer.concat(state.chunks);
        state.chunks = [];
        state.bytes = 0;
        return all;
      },
      takeReads: () => state.reads.splice(0),
      lost: () => state.lost,
      finish: member.finish,
      close: member.close,
    };
  });
}

type Waiting = { wake: () => void; lost: string | undefined };

/** Every arrival starts the time anew: slow is not lost. */
function waitFor(state: Waiting, done: () => boolean, milliseconds: number): Promise<boolean> {
  if (done()) return Promise.resolve(true);
  if (state.lost !== undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const finish = (value: boolean) => {
      clearTimeout(timer);
      state.wake = () => {};
      resolve(value);
    };
    const timer = setTimeout(() => finish(done()), milliseconds);
    state.wake = () => {
      if (done()) finish(true);
      else if (state.lost !== undefined) finish(false);
      else timer.refresh();
    };
  });
}
