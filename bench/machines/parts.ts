/**
 * A message in parts: a broker takes payloads up to a bound of its own (max_payload, 1 MiB by default), and the report
 * of a long sample is longer. The parts of one sender come in order or not at all.
 *
 * Each part: uint32 number of the message, of the part, and of its parts, then its bytes.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";

const HEAD_BYTES = 12;
/** A plan, or all that is said with it, of so many bytes is refused; so is a report. */
export const MAX_MESSAGE_BYTES = 64 * 1_048_576;

/** @param payload most bytes of a part @throws Failure where the message is longer than `most` */
export function split(
  number: number,
  message: Uint8Array,
  payload: number,
  most = MAX_MESSAGE_BYTES,
): Uint8Array[] {
  if (message.length > most)
    throw new Failure(
      exitCodes.usage,
      `this plan is too large: ${mebibytes(message.length)} MiB in one message, and agents take ${mebibytes(most)}; use fewer --connections, or a shorter --duration`,
    );
  const room = payload - HEAD_BYTES;
  const parts = Math.max(1, Math.ceil(message.length / room));
  return Array.from({ length: parts }, (_, part) => {
    const body = message.subarray(part * room, (part + 1) * room);
    const out = new Uint8Array(HEAD_BYTES + body.length);
    const view = new DataView(out.buffer);
    [number, part, parts].forEach((value, i) => {
      view.setUint32(i * 4, value, true);
    });
    out.set(body, HEAD_BYTES);
    return out;
  });
}

const mebibytes = (bytes: number) => Math.ceil(bytes / 1_048_576);

/** Joins the parts of one sender's messages: a message whose parts did not all come is never told. */
export function createJoiner(most = MAX_MESSAGE_BYTES): (part: Uint8Array) => Uint8Array | undefined {
  let [number, bytes] = [-1, 0];
  let got: Uint8Array[] = [];
  return (raw) => {
    if (raw.length < HEAD_BYTES) return undefined;
    const view = new DataView(raw.buffer, raw.byteOffset);
    const [its, part, parts] = [0, 4, 8].map((at) => view.getUint32(at, true));
    if (part === 0) [number, bytes, got] = [its, 0, []];
    else if (its !== number || part !== got.length) return undefined;
    bytes += raw.length;
    // The sender keeps to the bound; who does not is not waited for.
    if (bytes > most + parts * HEAD_BYTES || part >= parts) {
      [number, bytes, got] = [-1, 0, []];
      return undefined;
    }
    got.push(raw.slice(HEAD_BYTES));
    if (got.length < parts) return undefined;
    const whole = new Uint8Array(Buffer.concat(got));
    [number, bytes, got] = [-1, 0, []];
    return whole;
  };
}
