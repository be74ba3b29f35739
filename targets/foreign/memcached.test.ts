/** memcached has several worker threads: all of them are pinned, and all of their CPU time is counted. */
import { expect } from "bun:test";
import { affinityOf, allowedCpus } from "../../platform/affinity.ts";
import { cpuTime } from "../../platform/clock.ts";
import { serverProcesses } from "../../platform/meter.ts";
import { readProc } from "../../platform/proc.ts";
import { threadsOf } from "../../platform/process-tree.ts";
import { cpuBetween, readTree } from "../../platform/tree-usage.ts";
import { connected, started, withServer } from "./testing.ts";

/** First figure of schedstat: time on a CPU, nanoseconds (kernel: scheduler/sched-stats.rst). */
const onCpu = (pid: number, thread: number) =>
  Number(readProc(`/proc/${pid}/task/${thread}/schedstat`)?.split(" ")[0] ?? 0);

withServer(
  "memcached",
  "its worker threads are on the server's CPUs, and what they use is the server's",
  async () => {
    const cpus = allowedCpus().slice(0, 1);
    const server = await started("memcached", undefined, cpus);
    const pid = server.pid ?? 0;
    const threads = threadsOf(pid);
    // Four of them by default, beside those that listen and clean up.
    expect(threads.length).toBeGreaterThan(4);
    for (const thread of threads) expect(affinityOf(thread)).toEqual(cpus);

    const clients = await Promise.all(Array.from({ length: 8 }, () => connected(server)));
    const before = readTree(server.pids(), serverProcesses);
    const each = () => threads.map((thread) => onCpu(pid, thread));
    const eachBefore = each();
    for (const [i, client] of clients.entries()) {
      for (let round = 0; round < 20; round++)
        client.write(`ms k${i} 2 q\r\nhi\r\nmg k${i} v\r\n`.repeat(200));
      client.write("mn\r\n");
    }
    await Promise.all(clients.map((client) => client.untilEnd("MN\r\n")));
    const used = cpuBetween(before, readTree(server.pids(), serverProcesses));
    const busy = each()
      .map((time, i) => time - eachBefore[i])
      .filter((time) => time > 0);
    // Connections go to the workers in turn: with eight of them every one has work.
    expect(busy.length).toBeGreaterThanOrEqual(4);
    const total = busy.reduce((sum, time) => sum + time, 0);
    if (!("cpu" in used)) throw new Error(used.unknown);
    expect(used.cpu / total).toBeGreaterThan(0.8);
    expect(used.cpu / total).toBeLessThan(1.25);
    expect(cpuTime(pid)).toBeGreaterThan(Math.max(...busy));
  },
);
