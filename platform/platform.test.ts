/** What the platform's small readers promise; where Linux's /proc is missing they answer undefined. */
import { expect, test } from "bun:test";
import { allowedCpus } from "./affinity.ts";
import { cpuTime, now } from "./clock.ts";
import { cpuTicks, fileLimit, listenerPids, memory, snmp, udpDrops } from "./proc.ts";
import { fdOf, getOption, growReceiveBuffer, setOption } from "./socket-options.ts";

const onLinux = test.skipIf(process.platform !== "linux");

onLinux("the clock is the one of all processes", async () => {
  const before = now();
  const clock = `${import.meta.dir}/clock.ts`;
  const child = Bun.spawn(
    [process.execPath, "-e", `import {now} from ${JSON.stringify(clock)}; console.log(now())`],
    {
      stdout: "pipe",
    },
  );
  const there = Number(await child.stdout.text());
  expect(there).toBeGreaterThan(before);
  expect(there).toBeLessThan(now());
});

onLinux("a process's CPU time only grows", () => {
  const before = cpuTime(process.pid)!;
  for (let i = 0; i < 1e6; i++) Math.sqrt(i);
  expect(cpuTime(process.pid)!).toBeGreaterThan(before);
});

onLinux("/proc is read", () => {
  const ticks = cpuTicks()!;
  expect(ticks.total).toBeGreaterThanOrEqual(ticks.idle + ticks.steal);
  const used = memory(process.pid)!;
  expect(used.peak).toBeGreaterThanOrEqual(used.now);
  expect(memory(2 ** 30)).toBeUndefined();
  expect(snmp("Udp")).toContainKey("RcvbufErrors");
  expect(udpDrops(new Set())).toBe(0);
  expect(fileLimit()!.hard).toBeGreaterThanOrEqual(fileLimit()!.soft);
  expect(allowedCpus().length).toBeGreaterThan(0);
});

onLinux("the processes that listen on a port are found", () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  expect(listenerPids("tcp", listener.port)).toEqual([process.pid]);
  listener.stop(true);
});

onLinux("socket options are set and read back", async () => {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const fd = fdOf(socket);
  expect(growReceiveBuffer(fd, 65_536)).toBeGreaterThanOrEqual(65_536);
  expect(setOption(fd, "SO_SNDBUF", 32_768)).toBe(true);
  expect(getOption(fd, "SO_SNDBUF")).toBeGreaterThanOrEqual(32_768);
  socket.close();
  expect(setOption(undefined, "SO_SNDBUF", 1)).toBe(false);
});
