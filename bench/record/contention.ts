/**
 * Whether the measurement had the CPUs that it needed. What waits for a CPU may be a server's own threads, for each
 * other: so it is asked what *others* used. Each of server and fleets is looked at on its own CPUs, and those that
 * share some are taken together.
 */
import type { Used } from "../../platform/meter.ts";

/** Shares of the measured time; null where they cannot be told. */
export type Contention = {
  /** Of the CPUs of the server or of a fleet, what other programs used: the worst of them. */
  others: number | null;
  /** Time lost to them: no more than they used, and no more than was waited for a CPU. */
  contended: number | null;
  /** Where server and fleets have CPUs in common: how long a fleet waited there; null where they are apart. */
  shared: number | null;
};

/** Who runs on which CPUs, and what was used there, where it is known; times in nanoseconds. */
type Party = { cpus: readonly number[]; used: number | undefined; waited: number };

/** `used`: one entry a fleet, of the same time; the first has looked at the server, too. */
export function contentionOf(used: readonly Used[]): Contention {
  const [first] = used;
  const { elapsed } = first;
  const busy = new Map(used.flatMap((one) => [...(one.busy ?? [])]));
  const server = partyOfServer(first);
  const fleets = used.map(
    ({ ownCpus, ownCpu, ownWait }): Party => ({ cpus: ownCpus, used: ownCpu, waited: ownWait ?? 0 }),
  );
  const groups = joined([...(server ? [server] : []), ...fleets]).flatMap(({ cpus, used, waited }) => {
    const times = cpus.flatMap((cpu) => busy.get(cpu) ?? []);
    if (used === undefined || times.length < cpus.length) return [];
    // The bench is not pinned: it may have run here.
    const ours = used + (first.parentCpu ?? 0);
    const others = Math.max(0, times.reduce((a, b) => a + b, 0) - ours) / (cpus.length * elapsed);
    return [{ others, contended: Math.min(others, waited / elapsed) }];
  });
  const together = server && fleets.filter((fleet) => meet(fleet, server));
  return {
    others: worst(groups.map(({ others }) => others)),
    contended: worst(groups.map(({ contended }) => contended)),
    shared: worst(together?.map(({ waited }) => waited / elapsed) ?? []),
  };
}

const worst = (shares: readonly number[]) => (shares.length === 0 ? null : Math.max(...shares));

const partyOfServer = ({ serverCpus, serverCpu, serverWait }: Used): Party | undefined =>
  serverCpus.length === 0 ? undefined : { cpus: serverCpus, used: serverCpu, waited: serverWait ?? 0 };

const meet = (a: Party, b: Party) => a.cpus.some((cpu) => b.cpus.includes(cpu));

/** Parties that have a CPU in common, as one: whose of them used it cannot be told. */
function joined(parties: readonly Party[]): Party[] {
  const groups: Party[] = [];
  for (const party of parties) {
    if (party.cpus.length === 0) continue;
    const near = groups.filter((group) => meet(group, party));
    const all = [...near, party];
    groups.splice(0, groups.length, ...groups.filter((group) => !near.includes(group)), {
      cpus: [...new Set(all.flatMap(({ cpus }) => cpus))],
      used: all.reduce<number | undefined>((sum, { used }) => add(sum, used), 0),
      waited: Math.max(...all.map(({ waited }) => waited)),
    });
  }
  return groups;
}

const add = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a + b;
