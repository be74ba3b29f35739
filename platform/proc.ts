/**
 * What /proc reports about the host and its processes: stolen CPU time, kernel drops, memory, limits, and who
 * listens on a port. Every reader returns undefined where /proc is missing.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";

/** A file of /proc as text; undefined where it is missing, or another user's. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Jiffies since boot of the whole machine or of one CPU (proc_stat(5)); differences of two readings are used. */
export type CpuTicks = { total: number; steal: number; idle: number; irq: number };

export type MachineTicks = CpuTicks & {
  /** By the CPU's number. */
  cpus: Map<number, CpuTicks>;
  /**
   * Whether interrupts are timed apart from the tasks that they interrupt (CONFIG_IRQ_TIME_ACCOUNTING). Where they
   * are not, no tick ever falls into a hard interrupt, and what a soft one takes is in its task's CPU time.
   */
  irqApart: boolean;
};

export function cpuTicks(): MachineTicks | undefined {
  const lines = readProc("/proc/stat")?.match(/^cpu.+/gm);
  if (!lines) return undefined;
  const rows = lines.map((line) => line.trim().split(/\s+/));
  // user nice system idle iowait irq softirq steal; guest time is already in user.
  const [all, ...each] = rows.map((row) => row.slice(1, 9).map(Number));
  return {
    ...ticksOf(all),
    cpus: new Map(each.map((ticks, i) => [Number(rows[i + 1][0].slice(3)), ticksOf(ticks)])),
    irqApart: all[5] > 0,
  };
}

const ticksOf = (ticks: readonly number[]): CpuTicks => ({
  total: ticks.reduce((a, b) => a + b, 0),
  steal: ticks[7] ?? 0,
  idle: ticks[3] + ticks[4],
  irq: ticks[5] + ticks[6],
});

/** Resident memory of a process in bytes: now and at its highest. */
export function memory(pid: number): { now: number; peak: number } | undefined {
  const status = readProc(`/proc/${pid}/status`);
  const field = (name: string) =>
    Number(status?.match(new RegExp(`^${name}:\\s+(\\d+) kB`, "m"))?.[1]) * 1024;
  return status?.includes("VmRSS") ? { now: field("VmRSS"), peak: field("VmHWM") } : undefined;
}

/**
 * Nanoseconds for which a process's main thread was runnable and waited for a CPU
 * (second figure of /proc/<pid>/schedstat, kernel: scheduler/sched-stats.rst).
 */
export function cpuWait(pid: number): number | undefined {
  const wait = readProc(`/proc/${pid}/schedstat`)?.split(" ")[1];
  return wait === undefined ? undefined : Number(wait);
}

/**
 * Whether no thread of a process runs or waits for a CPU: it has dealt with all that it received before
 * (states of proc_pid_stat(5); D waits for a disk).
 */
export function asleep(pid: number): boolean | undefined {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return undefined;
  }
  const state = (thread: string) => readProc(`/proc/${pid}/task/${thread}/stat`)?.match(/\) (\w)/)?.[1];
  return !threads.some((thread) => /[RD]/.test(state(thread) ?? ""));
}

/** Whether a process ignores a signal, by its number (the masks of proc_pid_status(5)). */
export function ignoresSignal(pid: number | "self", signal: number): boolean {
  const mask = readProc(`/proc/${pid}/status`)?.match(/^SigIgn:\s+([0-9a-f]+)$/m)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) >> BigInt(signal - 1)) % 2n === 1n;
}

/** A table of /proc/net/snmp as numbers: `snmp("Udp").RcvbufErrors` counts datagrams dropped at full buffers. */
export function snmp(table: "Udp" | "Tcp"): Record<string, number> | undefined {
  const rows = readProc("/proc/net/snmp")
    ?.split("\n")
    .filter((line) => line.startsWith(`${table}: `));
  if (!rows || rows.length < 2) return undefined;
  const [names, values] = rows.map((row) => row.split(" ").slice(1));
  return Object.fromEntries(names.map((name, i) => [name, Number(values[i])]));
}

/** Datagrams the kernel dropped at the sockets bound to these local UDP ports (last column of /proc/net/udp). */
export function udpDrops(ports: ReadonlySet<number>): number | undefined {
  const tables = [readProc("/proc/net/udp"), readProc("/proc/net/udp6")].filter(
    (table) => table !== undefined,
  );
  if (tables.length === 0) return undefined;
  let drops = 0;
  for (const row of tables.flatMap((table) => table.split("\n").slice(1))) {
    const columns = row.trim().split(/\s+/);
    if (columns.length > 12 && ports.has(Number.parseInt(columns[1].split(":")[1], 16)))
      drops += Number(columns[12]);
  }
  return drops;
}

/** The processes that listen on a local port, found by their sockets' inodes: several may share one, or the port. */
export function listenerPids(transport: "tcp" | "udp", port: number): number[] {
  const wanted = new Set<string>();
  for (const table of [`/proc/net/${transport}`, `/proc/net/${transport}6`])
    for (const columns of listeningRows(transport, table))
      if (Number.parseInt(columns[1].split(":")[1], 16) === port) wanted.add(`socket:[${columns[9]}]`);
  if (wanted.size === 0) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && openFiles(name).some((file) => wanted.has(file)))
    .map(Number);
}

/** State 0A is TCP_LISTEN; an unconnected UDP socket is in 07 (TCP_CLOSE). */
const LISTENING = { tcp: "0A", udp: "07" };

/**
 * Rows of /proc/net/tcp and its like. Those that listen stand first there (kernel: networking/proc_net_tcp.rst), and
 * ten thousand closed connections after them would take the kernel 30 ms to print.
 */
function listeningRows(transport: "tcp" | "udp", path: string): string[][] {
  const rows: string[][] = [];
  for (const line of linesOf(path)) {
    const columns = line.trim().split(/\s+/);
    if (columns[3] === LISTENING[transport]) rows.push(columns);
    else if (transport === "tcp" && columns[0] !== "sl") break;
  }
  return rows;
}

/** The lines of a file of /proc, read lazily. */
function* linesOf(path: string): Generator<string> {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return;
  }
  try {
    const chunk = Buffer.alloc(16_384);
    let rest = "";
    for (let size = readSync(file, chunk); size > 0; size = readSync(file, chunk)) {
      const lines = (rest + chunk.toString("latin1", 0, size)).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    closeSync(file);
  }
}

/** What the descriptors of a process refer to, without those closed meanwhile; empty for another user's process. */
function openFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ""; // closed between the two calls, such as this readdir's own
      }
    });
  } catch {
    return [];
  }
}

/** The soft and hard limit of open files of a process, this one by default (proc_pid_limits(5)). */
export function fileLimit(pid: number | "self" = "self"): { soft: number; hard: number } | undefined {
  const row = readProc(`/proc/${pid}/limits`)?.match(/^Max open files\s+(\S+)\s+(\S+)/m);
  const value = (text: string) => (text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text));
  return row ? { soft: value(row[1]), hard: value(row[2]) } : undefined;
}

/** How many files a process has open, and how many it may have. */
export function openFilesOf(pid: number): { open: number; limit: number } | undefined {
  const limit = fileLimit(pid)?.soft;
  try {
    return limit === undefined ? undefined : { open: readdirSync(`/proc/${pid}/fd`).length, limit };
  } catch {
    return undefined; // another user's, or gone
  }
}

/** Whether this process can hardly open another file. */
export function fileTableIsFull(): boolean {
  if (process.platform !== "linux") return false;
  try {
    const open = readdirSync("/proc/self/fd").length;
    return open >= (fileLimit()?.soft ?? 0) - 4;
  } catch {
    return true; // not even that could be opened
  }
}

/** A value of /proc/sys, such as `net/core/rmem_max`. */
export function sysctl(name: string): string | undefined {
  return readProc(`/proc/sys/${name}`)?.trim();
}
