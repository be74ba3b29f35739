/**
 * How far the monotonic clocks of two machines are apart: four timestamps over UDP, from machine to machine (RFC 5905,
 * section 8). Of many exchanges the one with the shortest round trip counts: whatever made another slower, also a process
 * that had to wait for its CPU, fell into it unevenly. The error of that one is at most half its round trip.
 *
 * 40 bytes both ways: mark, nonce, and the times of sending, hearing and answering. An answer is never longer than its
 * question, so that nobody can be flooded by a forged one.
 */
import { now } from "../../platform/clock.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";

/** One machine's clock beside another's, nanoseconds. */
export type ClockReading = {
  /** Of the asking machine's clock: when. */
  at: number;
  /** What it lacks to the other's. */
  offset: number;
  /** How far that may be wrong: half the shortest round trip. */
  bound: number;
};

export type ClockPort = {
  port: number;
  /** @throws Failure where too few answers come */
  compare: (place: { address: string; port: number }) => Promise<ClockReading>;
  close: () => void;
};

const MARK = 0x736b_6273;
const QUESTION = 1;
const ANSWER = 2;
const BYTES = 40;
const EXCHANGES = 96;
const AT_ONCE = 8;
const LEAST_ANSWERS = 8;
const ANSWER_MS = 100;
const ALL_MS = 1500;

export async function openClockPort(hostname: string, port = 0): Promise<ClockPort> {
  const waiting = new Map<number, (heard: { view: DataView; at: number }) => void>();
  const socket = await Bun.udpSocket({
    hostname,
    port,
    socket: {
      data(socket, chunk, port, address) {
        const at = now();
        if (chunk.length !== BYTES) return;
        const view = new DataView(chunk.buffer, chunk.byteOffset, BYTES);
        if (view.getUint32(0) !== MARK) return;
        if (view.getUint32(4) === ANSWER) return waiting.get(view.getFloat64(8))?.({ view, at });
        if (view.getUint32(4) !== QUESTION) return;
        view.setUint32(4, ANSWER);
        view.setFloat64(24, at);
        view.setFloat64(32, now());
        attempt(() => socket.send(chunk, port, address));
      },
      // A peer that has gone refuses datagrams; without a handler that ends the process (Bun 1.4.5).
      error() {},
    },
  });
  const ask = (address: string, port: number): Promise<ClockReading | undefined> => {
    const { promise, resolve } = Promise.withResolvers<ClockReading | undefined>();
    const nonce = crypto.getRandomValues(new Uint32Array(1))[0];
    const late = setTimeout(() => resolve(undefined), ANSWER_MS);
    waiting.set(nonce, ({ view, at }) => resolve(readingOf(view, at)));
    const view = new DataView(new ArrayBuffer(BYTES));
    view.setUint32(0, MARK);
    view.setUint32(4, QUESTION);
    view.setFloat64(8, nonce);
    view.setFloat64(16, now());
    attempt(() => socket.send(new Uint8Array(view.buffer), port, address));
    return promise.finally(() => {
      clearTimeout(late);
      waiting.delete(nonce);
    });
  };
  return {
    port: socket.port,
    async compare({ address, port }) {
      const readings: ClockReading[] = [];
      const deadline = now() + ALL_MS * 1e6;
      for (let i = 0; i < EXCHANGES && now() < deadline; i++) {
        const one = await ask(address, port);
        if (one) readings.push(one);
        // Not all within one turn of the scheduler's.
        if (i % AT_ONCE === AT_ONCE - 1) await Bun.sleep(1);
      }
      if (readings.length < LEAST_ANSWERS)
        throw new Failure(
          exitCodes.unreachable,
          `${readings.length} answers from the clock at udp://${address}:${port}, and ${LEAST_ANSWERS} are needed: is the port open between the machines?`,
        );
      return readings.reduce((best, one) => (one.bound < best.bound ? one : best));
    },
    close: () => socket.close(),
  };
}

/** RFC 5905, section 8: offset and delay of one exchange. */
function readingOf(view: DataView, back: number): ClockReading {
  const [sent, heard, answered] = [16, 24, 32].map((at) => view.getFloat64(at));
  return {
    at: back,
    offset: (heard - sent + (answered - back)) / 2,
    bound: Math.max(0, back - sent - (answered - heard)) / 2,
  };
}

/** A datagram that cannot be sent is one that does not come. */
function attempt(send: () => unknown): void {
  try {
    send();
  } catch {}
}
