/** Servers that an agent starts for others: by the names of its owner's file, and never longer than they are wanted. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { now } from "../../platform/clock.ts";
import { listenerPids } from "../../platform/proc.ts";
import { freePort } from "../../targets/free-port.ts";
import { createServing } from "./serving.ts";
import { SOCKBENCH, scratch } from "./testing.ts";

async function serving() {
  const port = await freePort("tcp");
  const command = [...SOCKBENCH, "serve", "chat/bracket", "--port", `${port}`].join(" ");
  const entry = { name: "mine", protocols: ["chat-bracket"], url: `tcp://127.0.0.1:${port}`, command };
  const file = `${scratch}/serving-${port}.json`;
  writeFileSync(file, JSON.stringify([entry]));
  return { port, desk: createServing(file, "127.0.0.1") };
}

test("what is no name of the file is not started", async () => {
  const { desk, port } = await serving();
  expect(desk.names).toEqual(["mine"]);
  for (const name of ["/bin/sh", "mine; true", "bun"])
    await expect(desk.start(name, "chat/bracket", () => {})).rejects.toThrow(`there is no server "${name}"`);
  await expect(desk.start("mine", "no/such", () => {})).rejects.toThrow("no protocol no/such");
  expect(listenerPids("tcp", port)).toEqual([]);
});

test("a server is measured, and what was stopped while it started is not left running", async () => {
  const { desk, port } = await serving();
  expect((await desk.start("mine", "chat/bracket", () => {})).url).toBe(`tcp://127.0.0.1:${port}`);
  const use = await desk.measure({ warmup: 0, duration: 0.1 }, now());
  expect([use?.used.serverCpuUnknown, use?.used.serverCpu]).toEqual([undefined, expect.any(Number)]);
  expect(use?.used.serverMemoryBytes).toBeGreaterThan(1_048_576);
  await desk.stop();
  expect(await desk.measure({ warmup: 0, duration: 0.1 }, now())).toBeUndefined();
  const starting = desk.start("mine", "chat/bracket", () => {});
  await desk.stop();
  await expect(starting).rejects.toThrow("mine was stopped before it stood");
  expect(listenerPids("tcp", port)).toEqual([]);
});
