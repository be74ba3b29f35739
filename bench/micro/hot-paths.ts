/**
 * The hot paths of a fleet, out of memory: what a delivery costs before any socket is involved.
 * `bun run micro`; figures are nanoseconds a message unless the name says otherwise.
 */
import { bench, do_not_optimize, group, run } from "mitata";
import { createHistogram, recordLatency } from "../../clients/histogram.ts";
import { createLedger } from "../../clients/ledger.ts";
import { createReader, createReceiver } from "../../clients/reader.ts";
import { now } from "../../platform/clock.ts";
import { capabilityOf } from "../../protocols/index.ts";
import { verifyMessage, writeMessage } from "../../protocols/stamp.ts";

const TAG = 0xbeef;
const MESSAGES = 700; // what a read of 64 KiB holds
const SIZES = [32, 64, 256, 1024];

/** Delivered lines of one sender, as a read brings them. */
function linesOf(size: number, prefix: Uint8Array): Uint8Array {
  const unit = prefix.length + size + 1;
  const bytes = new Uint8Array(MESSAGES * unit);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MESSAGES; i++) {
    bytes.set(prefix, i * unit);
    writeMessage(view, i * unit + prefix.length, size, TAG, 0, i, i * 1000);
    bytes[(i + 1) * unit - 1] = 10;
  }
  return bytes;
}

group(`stamp: ${MESSAGES} messages`, () => {
  for (const size of SIZES) {
    const view = new DataView(new ArrayBuffer(MESSAGES * size));
    bench(`write ${size} bytes`, () => {
      for (let i = 0; i < MESSAGES; i++) writeMessage(view, i * size, size, TAG, i & 15, i, i * 1e6);
    });
    bench(`verify ${size} bytes`, () => {
      let right = 0;
      for (let i = 0; i < MESSAGES; i++) if (verifyMessage(view, i * size, size, TAG)) right++;
      return do_not_optimize(right);
    });
  }
});

function fail(_receiver: number, { text }: { text: string }): void {
  throw new Error(text);
}

/** What a delivery costs a reader: each message by itself, or compared with what it has verified before. */
function benchReader(name: string, alone: boolean): void {
  group(`${name} and enter ${MESSAGES} deliveries of chat/bracket`, () => {
    for (const size of SIZES) {
      const wire = capabilityOf("chat/bracket", "room")(size);
      const prefix = wire.deliveryPrefix({ address: "127.0.0.1:45678", id: 1 });
      const bytes = linesOf(size, prefix);
      const newLedger = () => createLedger({ receivers: 1, senders: 1, hears: () => true });
      let ledger = newLedger();
      const reader = createReader({
        wire,
        messageBytes: size,
        tag: TAG,
        alone,
        onMessage: (receiver, sender, sequence) => void ledger.enter(receiver, sender, sequence),
        onMark: () => {},
        onCorrupt: fail,
        onUnexpected: fail,
      });
      reader.expectPrefixes([prefix]);
      bench(`${size} bytes a message`, () => {
        ledger = newLedger();
        reader.read(createReceiver(0), bytes);
        if (ledger.counts.delivered !== MESSAGES) throw new Error("not every message was verified");
      });
    }
  });
}

benchReader("read, verify", true);
benchReader("read, compare", false);

group("one each", () => {
  const histogram = createHistogram();
  let value = 1;
  bench("record a latency", () => {
    value = (value * 31 + 7) % 1_000_000;
    recordLatency(histogram, value);
  });
  bench("read the clock", () => do_not_optimize(now()));
});

// mitata colours whatever it writes to; a pipe and a file want none (https://no-color.org).
await run({ colors: process.stdout.isTTY === true && !process.env.NO_COLOR });
