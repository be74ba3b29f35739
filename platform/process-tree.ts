/**
 * The processes of one program. Servers fork: workers of a cluster, one process per connection, a shell around the
 * real one. Measuring, pinning or stopping "the server" means all of them.
 */
import { readdirSync } from "node:fs";
import { readProc } from "./proc.ts";

/** A process as /proc/<pid>/stat describes it (proc_pid_stat(5)). */
export type Process = {
  pid: number;
  /** At most 15 characters, chosen by the program: to be printed with care. */
  name: string;
  /** One letter; Z and X have exited, and wait for their parent to reap them. */
  state: string;
  parent: number;
  session: number;
  /** CPU time of its own so far, and of the ended children that it waited for; nanoseconds, of a 10 ms grain. */
  cpu: number;
  reaped: number;
  /** When it began: jiffies since boot. With the pid it identifies one process, though pids are reused. */
  started: number;
};

/** USER_HZ is 100 on every Linux that Bun runs on (time(7)). */
export const NS_PER_JIFFY = 1e7;

export function readProcess(pid: number): Process | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name may hold spaces and brackets: what follows the last bracket is numbers.
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const number = (field: number) => Number(fields[field - 3]); // counted from 1, as in the manual
  return {
    pid,
    name: text.slice(text.indexOf("(") + 1, end),
    state: fields[0],
    parent: number(4),
    session: number(6),
    cpu: (number(14) + number(15)) * NS_PER_JIFFY,
    reaped: (number(16) + number(17)) * NS_PER_JIFFY,
    started: number(22),
  };
}

/** Every process of the host that is visible from here. */
export function everyProcess(): Process[] {
  return listNumbers("/proc").flatMap((pid) => readProcess(pid) ?? []);
}

export const isOver = ({ state }: Process): boolean => state === "Z" || state === "X";

/** Thread ids of a process; none once it has exited. */
export const threadsOf = (pid: number): number[] => listNumbers(`/proc/${pid}/task`);

function listNumbers(folder: string): number[] {
  try {
    return readdirSync(folder).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

/** Direct children, as the kernel lists them for each thread that forked (CONFIG_PROC_CHILDREN). */
function childrenOf(pid: number): number[] | undefined {
  const lists = threadsOf(pid).map((thread) => readProc(`/proc/${pid}/task/${thread}/children`));
  if (lists.length > 0 && lists.every((list) => list === undefined)) return undefined;
  return lists.flatMap((list) => list?.trim().split(" ").filter(Boolean).map(Number) ?? []);
}

/**
 * The processes and all that descend from them: cheap, a file for each thread. `except` are processes at which to
 * stop: the bench itself, since its children could seem to be those of a server in the same test program.
 */
export function withDescendants(pids: readonly number[], except: readonly number[] = []): number[] {
  const tree = new Set(pids);
  for (const pid of tree) {
    if (except.includes(pid)) continue;
    const children = childrenOf(pid);
    if (!children) return descendantsAmong(everyProcess(), tree, except);
    for (const child of children) if (!except.includes(child)) tree.add(child);
  }
  return [...tree];
}

function descendantsAmong(all: readonly Process[], tree: Set<number>, except: readonly number[]): number[] {
  const byParent = Map.groupBy(all, ({ parent }) => parent);
  for (const pid of tree)
    if (!except.includes(pid))
      for (const child of byParent.get(pid) ?? []) if (!except.includes(child.pid)) tree.add(child.pid);
  return [...tree];
}

/** What distinguishes a program's processes from all others even when their parents have exited. */
export type Belonging = {
  pids: readonly number[];
  /** Started programs lead a session of their own (setsid(2)). */
  session?: number;
  /** A text in the environment that they were started with: inherited also by those that leave the session. */
  mark?: string;
  /** When its first process began; none of its processes is older. */
  since?: number;
};

/** All living processes of a program: thorough, since it checks every process of the host. */
export function wholeProgram({ pids, session, mark, since = 0 }: Belonging): Process[] {
  const all = everyProcess();
  const living = new Map(all.filter((one) => !isOver(one)).map((one) => [one.pid, one]));
  const tree = new Set(pids);
  for (const one of living.values())
    if (one.session === session || (mark && one.started >= since && carries(one.pid, mark)))
      tree.add(one.pid);
  return descendantsAmong(all, tree, []).flatMap((pid) => living.get(pid) ?? []);
}

const carries = (pid: number, mark: string) => readProc(`/proc/${pid}/environ`)?.includes(mark) ?? false;
