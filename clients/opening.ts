/**
 * How a connection becomes a member: the `open` of its protocol is run, one step after the other, over what the server
 * sends. Units that fit no step are passed over (a room may be talking already); those that ask for an answer get it.
 */
import { bytesOf, payloadOf } from "../protocols/define.ts";
import type { Me, Opening, Step } from "../protocols/definition.ts";
import { framed, ignore } from "../protocols/framing.ts";
import type { Protocol } from "../protocols/protocol.ts";

/** Of a unit so much is matched against a pattern. */
const MATCHED_BYTES = 16_384;
/** A server that says more before it has let a member in is not waited for. */
const MAX_BYTES = 4 * 1_048_576;
const MAX_STEPS = 10_000;
/** Of what came instead so much is told. */
const SHOWN_BYTES = 80;
/** A datagram that is not answered in so long is sent again, with all before it. */
const AGAIN_MS = 250;
export const OPEN_TIMEOUT_MS = 5000;

export type Conversation = {
  /** Takes what has come; returns what is left of it when `open` has ended, and undefined before. */
  take: (chunk: Uint8Array) => Uint8Array | undefined;
  /** Takes a datagram if it is what a step waits for. */
  takes: (unit: Uint8Array) => boolean;
  /** Resolves with what the server calls this member, "" where it does not say; rejects with what it waited for. */
  opened: Promise<string>;
  fail: (reason: string) => void;
};

/** Runs `open` over a connection; with no `open` there is nothing to wait for. */
export function converse(protocol: Protocol, me: Me, write: (bytes: Uint8Array) => void): Conversation {
  const { promise: opened, resolve, reject } = Promise.withResolvers<string>();
  opened.catch(() => {});
  const { framing, sends, open } = protocol;
  let carry: Uint8Array = new Uint8Array(0);
  let steps: Opening | undefined;
  let waiting: Step | undefined;
  let [taken, done, failed, last] = [0, false, false, ""];

  const stop = (settle: () => void) => {
    done = true;
    clearTimeout(late);
    clearInterval(again);
    settle();
  };
  function fail(reason: string): void {
    if (done) return;
    failed = true;
    stop(() => reject(new Error(`${reason}${last && `; it sent ${last}`}`)));
  }
  const late = setTimeout(
    () => fail(`${expected(waiting)} within ${OPEN_TIMEOUT_MS / 1000} s`),
    OPEN_TIMEOUT_MS,
  );
  // Of datagrams any may have been lost.
  const again = framing.transport === "udp" ? setInterval(() => guarded(() => begin()), AGAIN_MS) : undefined;

  function begin(): void {
    steps = open?.(me);
    advance([]);
  }

  /** Goes on with what the last step has given, up to the next unit that has to be waited for. */
  function advance(given: readonly string[]): void {
    for (let count = 0; count < MAX_STEPS; count++) {
      const { value, done: ended } = steps?.next(given) ?? { value: undefined, done: true };
      if (ended) {
        const id = (value as { id?: string | number } | undefined)?.id;
        stop(() => resolve(id === undefined ? "" : String(id)));
        return;
      }
      const step = value as Step;
      if ("expect" in step) {
        waiting = step;
        return;
      }
      if (!("send" in step)) throw new Error("it yields neither expect() nor send()");
      write(framed(sends.said, bytesOf(step.send)));
      given = [];
    }
    throw new Error(`it sends more than ${MAX_STEPS} times without waiting`);
  }

  function hear(bytes: Uint8Array, from: number, end: number): void {
    const unit = payloadOf(framing, bytes, from, end);
    const match = waiting && matchOf(waiting, unit);
    const answer = match ? ignore : protocol.react(bytes, from, end, me.role);
    if (match) advance(match);
    else if (answer === undefined) last = JSON.stringify(unit.toString("latin1", 0, SHOWN_BYTES));
    else if (answer !== ignore) write(answer);
  }

  function guarded(work: () => void): void {
    try {
      if (!done) work();
    } catch (error) {
      fail(`open: ${error instanceof Error ? error.message : error}`);
    }
  }

  function take(chunk: Uint8Array): Uint8Array | undefined {
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    taken += chunk.length;
    let from = 0;
    if (failed) return undefined;
    guarded(() => {
      if (taken > MAX_BYTES) throw new Error(`over ${MAX_BYTES >> 20} MiB came, and ${expected(waiting)}`);
      while (!done && from < bytes.length) {
        const end = framing.end(bytes, from, bytes.length);
        if (end < 0 || end > bytes.length) break;
        const start = from;
        from = end;
        hear(bytes, start, end);
      }
    });
    carry = bytes.slice(from);
    return done && !failed ? carry : undefined;
  }

  function takes(unit: Uint8Array): boolean {
    const match = !done && waiting && matchOf(waiting, payloadOf(framing, unit, 0, unit.length));
    if (match) guarded(() => advance(match));
    return Boolean(match);
  }

  guarded(begin);
  return { take, takes, opened, fail };
}

function matchOf(step: Step, unit: Buffer): readonly string[] | undefined {
  if (!("expect" in step)) return undefined;
  const text = unit.toString("latin1", 0, MATCHED_BYTES);
  if (typeof step.expect === "function") return step.expect(unit) ? [text] : undefined;
  // A pattern with the flag g or y would go on where it last stopped.
  step.expect.lastIndex = 0;
  return step.expect.exec(text) ?? undefined;
}

const expected = (step: Step | undefined): string =>
  step && "expect" in step
    ? `open: expected ${step.expect instanceof RegExp ? step.expect : "a unit"}, which did not come`
    : "not open";
