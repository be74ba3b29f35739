/**
 * What `--server` takes: names of ours and of targets.json, with commas; `name=command`, and `name=url` for a server
 * that runs. From a name to its first `=` no comma belongs to a command, and behind it every one does.
 */
import { readTrust, type TlsTrust } from "../clients/endpoint.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { command } from "./commands.ts";
import { readTargets, sourceOf, type TargetEntry } from "./file.ts";
import { implementation, implementationNames } from "./programs.ts";
import { readEndpoint, running } from "./running.ts";
import type { ServerSource } from "./server.ts";

export type Naming = TlsTrust & {
  /** Whether one that runs is pinned for the time of each sample. */
  pin?: boolean;
  /** Names that mean something else in the outputs. */
  taken?: readonly string[];
};

/** The names that `--server` and targets.json know, in words. */
export const knownNames = (): string =>
  [...new Set([...implementationNames, ...readTargets().map(({ name }) => name)])].join(", ");

/** The servers that the values of one or more `--server` name, in their order; nothing is started yet. */
export function namedServers(values: readonly string[], naming: Naming = {}): ServerSource[] {
  const sources = values.flatMap(split).map((text) => sourceFor(text, naming));
  const names = sources.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw usage(`--server ${values.join(",")}: ${twice} is named twice`);
  const tls = sources.find(({ endpoint }) => endpoint?.tls)?.endpoint;
  const trust = readTrust(naming, tls);
  return trust ? sources.map((source) => trusting(source, trust, naming)) : sources;
}

/** `bun,go` is two; of `bun,mine=./server a,b` the last is one with its commas. */
export function split(value: string): string[] {
  const equals = value.indexOf("=");
  const names = equals < 0 ? value : value.slice(0, value.lastIndexOf(",", equals) + 1);
  const parts = names.split(",");
  return equals < 0 ? parts : [...parts.slice(0, -1), value.slice(names.length)];
}

const usage = (message: string) => new Failure(exitCodes.usage, message);
const NAME = /^[\w.@+-]{1,40}$/;

function sourceFor(text: string, { pin = false, taken = [] }: Naming): ServerSource {
  const equals = text.indexOf("=");
  if (equals < 0) return known(text);
  const name = text.slice(0, equals);
  const value = text.slice(equals + 1).trim();
  if (!NAME.test(name))
    throw usage(`--server ${text}: before "=" stands a name of at most 40 letters, digits and . _ @ + -`);
  if (taken.includes(name))
    throw usage(`--server ${text}: ${name} has a meaning of its own in the tables; choose another name`);
  if (value === "") throw usage(`--server ${text}: behind "=" stands a command or an address`);
  if (/^\w+:\/\//.test(value)) return running(name, readEndpoint(`--server ${name}:`, value), { pin });
  return command(name, value, undefined, `--server ${name}`);
}

function known(name: string): ServerSource {
  if (implementationNames.includes(name)) return implementation(name);
  const entry = entryNamed(name);
  if (entry) return sourceOf(entry);
  throw usage(`--server ${name}: expected one of: ${knownNames()}; or name=command, or name=url`);
}

/** What targets.json says of a server. */
export const entryNamed = (name: string): TargetEntry | undefined =>
  readTargets().find((entry) => entry.name === name);

/** Servers over TLS that are given by `name=url` take the certificates of the flags. */
const trusting = (source: ServerSource, trust: TlsTrust, { pin = false }: Naming): ServerSource =>
  source.kind === "running" && source.endpoint?.tls && !source.endpoint.trust
    ? running(source.name, { ...source.endpoint, trust }, { pin })
    : source;
