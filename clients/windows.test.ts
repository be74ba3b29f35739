import { expect, test } from "bun:test";
import { createWindows, nextDepth } from "./windows.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function setUp(options: { window: number; receivers: number; senders?: number[]; giveUpAfter?: number }) {
  const sent: number[] = [];
  const windows = createWindows({
    senders: options.senders ?? [0],
    window: options.window,
    receivers: options.receivers,
    ...(options.giveUpAfter === undefined ? {} : { giveUpAfter: options.giveUpAfter }),
    send(_sender, sequence, count) {
      for (let i = 0; i < count; i++) sent.push(sequence + i);
      return true;
    },
  });
  return { windows, sent };
}

test("windows begin with one message and have their size next where the server is fast", async () => {
  const { windows, sent } = setUp({ window: 4, receivers: 1 });
  windows.start();
  expect(sent).toEqual([0]);
  windows.arrived(0, 0);
  await turn();
  expect(sent).toEqual([0, 1, 2, 3, 4]);
  windows.arrived(0, 1);
  await turn();
  windows.stop();
  expect(sent).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a slow server gets twice as much at a time, a fast one all that is wanted", () => {
  expect(nextDepth(1, 64, 1e6)).toBe(64);
  expect([1, 2, 4, 8, 16, 32].map((depth) => nextDepth(depth, 48, 20e9))).toEqual([2, 4, 8, 16, 32, 48]);
});

test("a message makes room only when every receiver has it", async () => {
  const { windows, sent } = setUp({ window: 1, receivers: 3 });
  windows.start();
  windows.arrived(0, 0);
  windows.arrived(0, 0);
  await turn();
  expect(sent).toEqual([0]);
  windows.arrived(0, 0);
  await turn();
  windows.stop();
  expect(sent).toEqual([0, 1]);
});

test("what arrives out of order makes room in order, and never past the window", async () => {
  const { windows, sent } = setUp({ window: 3, receivers: 1 });
  windows.start();
  windows.arrived(0, 0);
  await turn();
  expect(sent).toEqual([0, 1, 2, 3]);
  windows.arrived(0, 3);
  windows.arrived(0, 2);
  await turn();
  expect(sent).toEqual([0, 1, 2, 3]);
  windows.arrived(0, 1);
  await turn();
  windows.stop();
  expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("a datagram that does not come does not stop the loop for ever", async () => {
  const { windows, sent } = setUp({ window: 1, receivers: 1, giveUpAfter: 1e6 });
  windows.start();
  for (let i = 0; i < 500 && sent.length < 2; i++) await Bun.sleep(20);
  windows.stop();
  expect(sent.slice(0, 2)).toEqual([0, 1]);
  expect(windows.givenUp()).toBeGreaterThanOrEqual(1);
});

test("a stream's window waits for as long as it takes", async () => {
  const { windows, sent } = setUp({ window: 1, receivers: 1 });
  windows.start();
  for (let i = 0; i < 40; i++) await Bun.sleep(10);
  windows.stop();
  expect(sent).toEqual([0]);
});

test("senders of other fleets are not ours to credit", async () => {
  const { windows, sent } = setUp({ window: 1, receivers: 1, senders: [1] });
  windows.start();
  windows.arrived(0, 0);
  windows.arrived(2, 0);
  await turn();
  windows.stop();
  expect(sent).toEqual([0]);
});
