import { expect, test } from "bun:test";
import { createWindows } from "./windows.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function setUp(options: { window: number; receivers: number; senders?: number[] }) {
  const sent: number[] = [];
  const windows = createWindows({
    senders: options.senders ?? [0],
    window: options.window,
    receivers: options.receivers,
    send(_sender, sequence, count) {
      for (let i = 0; i < count; i++) sent.push(sequence + i);
      return true;
    },
  });
  return { windows, sent };
}

test("a window is filled at the start and no further", async () => {
  const { windows, sent } = setUp({ window: 4, receivers: 1 });
  windows.start();
  await turn();
  windows.stop();
  expect(sent).toEqual([0, 1, 2, 3]);
});

test("a message makes room only when every receiver has it", async () => {
  const { windows, sent } = setUp({ window: 2, receivers: 3 });
  windows.start();
  windows.arrived(0, 0);
  windows.arrived(0, 0);
  await turn();
  expect(sent).toEqual([0, 1]);
  windows.arrived(0, 0);
  await turn();
  windows.stop();
  expect(sent).toEqual([0, 1, 2]);
});

test("what arrives out of order makes room in order, and never past the window", async () => {
  const { windows, sent } = setUp({ window: 3, receivers: 1 });
  windows.start();
  windows.arrived(0, 2);
  await turn();
  expect(sent).toEqual([0, 1, 2]);
  windows.arrived(0, 0);
  windows.arrived(0, 1);
  await turn();
  windows.stop();
  expect(sent).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a lost message does not stop the loop for ever", async () => {
  const { windows, sent } = setUp({ window: 1, receivers: 1 });
  windows.start();
  for (let i = 0; i < 100 && sent.length < 2; i++) await Bun.sleep(20);
  windows.stop();
  expect(sent.slice(0, 2)).toEqual([0, 1]);
  expect(windows.givenUp()).toBeGreaterThanOrEqual(1);
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
