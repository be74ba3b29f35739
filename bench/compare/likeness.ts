/**
 * What must be equal before two sides may be compared, and what is not: a difference in the machine, the
 * runtime or what was asked for would be read as a difference of the servers.
 */

import { machineWords } from "../record/machines.ts";
import type { Environment, RunRecord, Sample } from "../record/record.ts";
import { unpinnedServers } from "../record/samples.ts";

export type Unlike = { field: string; old: string; new: string };

/**
 * Fields of the environment that must be equal. Not among them, and free to differ: the commit, which is what
 * one compares; the limit of open files, since too low a one ends a run; the clocks' uncertainty, which is
 * far below what is measured; the exact amount of memory.
 */
const mustBeEqual: Record<string, (environment: Environment) => unknown> = {
  sockbench: (environment) => environment.sockbench,
  bun: (environment) => environment.bun,
  "bun revision": (environment) => environment.bunRevision,
  platform: (environment) => environment.platform,
  kernel: (environment) => environment.kernel,
  cpu: (environment) => environment.cpu,
  cores: (environment) => environment.cores,
  "memory in GiB": (environment) => Math.round(environment.memory / 2 ** 30),
  fleets: (environment) => environment.fleets,
  "pinned fleets": (environment) => environment.pinned?.fleets ?? null,
};

/** Two different yardsticks measure by different lengths; where one record has none, there is nothing to compare by. */
export function unlikeYardsticks({ yardstick: a }: RunRecord, { yardstick: b }: RunRecord): Unlike[] {
  return a && b ? unlike("yardstick", a.sha256.slice(0, SHOWN_HASH), b.sha256.slice(0, SHOWN_HASH)) : [];
}

const SHOWN_HASH = 12;

/** Parameters that may differ from sample to sample. */
const freeParameters = new Set(["seed"]);

export function unlikeEnvironments(old: RunRecord, now: RunRecord): Unlike[] {
  const { environment: a } = old;
  const { environment: b } = now;
  return [
    // A record of an older version says by an empty list that its server was left where it was.
    ...(a.pinned?.server.length && b.pinned?.server.length
      ? unlike("pinned server", a.pinned.server, b.pinned.server)
      : []),
    // Of servers that only one of them has, nothing is compared.
    ...unlike("servers left unpinned", unpinnedOf(old, now), unpinnedOf(now, old)),
    ...Object.entries(mustBeEqual).flatMap(([field, of]) => unlike(field, of(a), of(b))),
    ...unlike("machines of the fleets", machineWords(old), machineWords(now)),
    ...unlikeEntries("", a.sysctl, b.sysctl),
    ...unlikeEntries("", a.socketOptions, b.socketOptions),
  ];
}

/** Servers that another record has, too, and that were not pinned in this one. */
const unpinnedOf = (record: RunRecord, other: RunRecord) =>
  unpinnedServers(record)
    .filter((name) => other.samples.some(({ server }) => server === name))
    .sort();

/** In one run: why a difference may not be the servers'. */
export function pinningNotes(record: RunRecord, a: string, b: string): string[] {
  const left = unpinnedServers(record);
  if (left.includes(a) === left.includes(b)) return [];
  const [one, other] = left.includes(a) ? [a, b] : [b, a];
  return [
    `${one} was left on the CPUs where it ran, beside the fleets, and ${other} had CPUs of its own: a part of the difference is that (--pin-target).`,
  ];
}

/** Samples of one cell must have been asked for the same: every value that one side has, the other has too. */
export function unlikeParameters(cell: string, a: readonly Sample[], b: readonly Sample[]): Unlike[] {
  const values = (samples: readonly Sample[], name: string) =>
    [...new Set(samples.map((sample) => JSON.stringify(sample.parameters[name] ?? null)))].sort();
  const names = new Set([...a, ...b].flatMap((sample) => Object.keys(sample.parameters)));
  return [...names]
    .filter((name) => !freeParameters.has(name))
    .flatMap((name) => {
      const old = values(a, name);
      const now = values(b, name);
      const one = old.length === 1 && now.length === 1 && old[0] === now[0];
      return one ? [] : [{ field: `${cell}: ${name}`, old: old.join(", "), new: now.join(", ") }];
    });
}

const unlike = (field: string, old: unknown, now: unknown): Unlike[] =>
  Bun.deepEquals(old, now) ? [] : [{ field, old: text(old), new: text(now) }];

const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value ?? null));

function unlikeEntries(prefix: string, a: Record<string, unknown>, b: Record<string, unknown>): Unlike[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.flatMap((name) => unlike(prefix + name, a[name], b[name]));
}
