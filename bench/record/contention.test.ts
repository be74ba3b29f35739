import { expect, test } from "bun:test";
import type { Used } from "../../platform/meter.ts";
import { contentionOf } from "./contention.ts";

const SECOND = 1e9;

/** A second in which the server kept CPU 0 busy for half of it, and the fleet CPU 1 for most of it. */
const used = (parts: Partial<Used> = {}): Used => ({
  elapsed: SECOND,
  ownCpu: 0.9 * SECOND,
  serverCpu: 0.5 * SECOND,
  parentCpu: 0,
  ownWait: 0,
  serverWait: 0,
  serverMemoryBytes: 1,
  ownCpus: [1],
  serverCpus: [0],
  busy: new Map([
    [0, 0.5 * SECOND],
    [1, 0.9 * SECOND],
  ]),
  stolen: 0,
  clockStep: 0,
  udpBufferDrops: 0,
  tcpRetransmits: 0,
  ...parts,
});
const busy = (...shares: number[]) => new Map(shares.map((share, cpu) => [cpu, share * SECOND]));

test("alone on the machine, nothing was used by others", () => {
  expect(contentionOf([used()])).toEqual({ others: 0, contended: 0, shared: null });
});

test("a server whose threads wait for each other is not contended", () => {
  const { contended } = contentionOf([
    used({ serverWait: 12 * SECOND, serverCpu: SECOND, busy: busy(1, 0.9) }),
  ]);
  expect(contended).toBe(0);
});

test("what others used where the server waited counts, on the CPU where it was worst", () => {
  const found = contentionOf([used({ serverWait: 0.6 * SECOND, busy: busy(0.9, 1) })]);
  expect(found.others).toBeCloseTo(0.4);
  expect(found.contended).toBeCloseTo(0.4);
});

test("others who made nobody wait did no harm", () => {
  const found = contentionOf([used({ serverWait: 0.05 * SECOND, busy: busy(1, 0.9) })]);
  expect(found.others).toBeCloseTo(0.5);
  expect(found.contended).toBeCloseTo(0.05);
});

test("what the bench itself used is not of others", () => {
  const found = contentionOf([used({ serverWait: SECOND, parentCpu: 0.1 * SECOND, busy: busy(0.6, 0.9) })]);
  expect(found.others).toBeCloseTo(0);
});

test("server and fleet on the same CPUs are looked at together, and the fleet's wait tells what they took from each other", () => {
  const both = { serverCpus: [0, 1], serverCpu: 1.3 * SECOND, ownCpu: 0.5 * SECOND, ownWait: 0.5 * SECOND };
  const found = contentionOf([used({ ...both, busy: busy(1, 1) })]);
  expect(found.shared).toBeCloseTo(0.5);
  expect(found.others).toBeCloseTo(0.1);
});

test("each of several fleets is looked at on its own CPU", () => {
  const first = used({ ownCpus: [1], busy: busy(0.5, 0.9) });
  const second = used({ ownCpus: [2], ownWait: 0.4 * SECOND, busy: new Map([[2, 1.4 * SECOND]]) });
  expect(contentionOf([first, second]).contended).toBeCloseTo(0.4);
});

test("where the server's CPU time is not known, what others used of its CPUs is not either", () => {
  const { serverCpu: _, ...rest } = used({ serverWait: SECOND, busy: busy(1, 0.9) });
  const found = contentionOf([{ ...rest, serverCpu: undefined, serverCpuUnknown: "gone" }]);
  expect(found.others).toBe(0); // of the fleet's CPU
  const together = { ...rest, serverCpu: undefined, serverCpus: [0, 1] };
  expect(contentionOf([together])).toMatchObject({ others: null, contended: null });
});

test("where /proc cannot be read, nothing is claimed", () => {
  expect(contentionOf([used({ busy: undefined, ownCpus: [], serverCpus: [] })])).toEqual({
    others: null,
    contended: null,
    shared: null,
  });
});
