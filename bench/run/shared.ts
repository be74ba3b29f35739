/**
 * What the chosen servers have in common. One that has nothing for a protocol would end a run in the middle, and servers
 * that share none cannot be compared at all: both are known before anything is started.
 */
import { slugOf } from "../../conformance/chat/room.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { allProtocols } from "../../protocols/index.ts";
import type { ServerSource } from "../../targets/server.ts";
import { type Cell, ownCell } from "../scenarios/scenario.ts";
import type { Request } from "./choose.ts";

const usage = (message: string) => new Failure(exitCodes.usage, message);
const NAMED = 3;

/** Throws a usage error where a server has nothing for the cells that it would be asked for. */
export function checkShared(
  sources: readonly ServerSource[],
  cells: readonly Cell[],
  { protocol, skipMissing = false }: Pick<Request, "protocol" | "skipMissing">,
): void {
  const own = cells.filter(({ reference }) => !reference);
  const wantedOf = (source: ServerSource) => [...new Set(own.map((cell) => ownCell(cell, source).protocol))];
  const wanted = [...new Set(own.map((cell) => cell.protocol))];
  const lacking = sources.flatMap((source) => {
    const has = protocolsOf(source);
    const lacks = has ? wantedOf(source).filter((name) => !has.includes(name)) : [];
    return lacks.length > 0 ? [{ name: source.name, lacks }] : [];
  });
  const [first] = lacking;
  if (!first) return;
  const shared = wanted.filter((name) => lacking.every(({ lacks }) => !lacks.includes(name)));
  const words = `there is no ${first.name} server for ${listed(first.lacks)}`;
  if (protocol !== undefined) throw usage(`--protocol ${protocol}: ${words}`);
  if (shared.length === 0)
    throw usage(
      `--server ${sources.map(({ name }) => name).join(",")}: they share nothing that would be measured: ${words}`,
    );
  if (!skipMissing)
    throw usage(
      `--server ${first.name}: ${words}; --protocol ${shared[0]} names one that all have, and --skip-missing goes on without it`,
    );
}

/** Of ours those that there are; of others what targets.json says; undefined where any may be asked for. */
function protocolsOf({ protocols, speaks }: ServerSource): readonly string[] | undefined {
  if (!speaks) return protocols;
  return allProtocols().flatMap(({ name }) =>
    speaks.includes(name) || speaks.includes(slugOf(name)) ? [name] : [],
  );
}

const listed = (names: readonly string[]) =>
  names.length > NAMED
    ? `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`
    : names.join(", ");
