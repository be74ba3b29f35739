/**
 * Servers of different protocols, side by side: what is asked of them is the same room or the same requests, and each is
 * asked it in the protocol that it speaks.
 */
import { exitCodes, Failure } from "../../platform/failure.ts";
import { protocolOf } from "../../protocols/index.ts";
import { scenarios } from "../scenarios/index.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";

/** What each server speaks, by its name. */
export type Spoken = ReadonlyMap<string, string>;

export const isMixed = (spoken: Spoken): boolean => new Set(spoken.values()).size > 1;

/** The cells that there are for all of them; `names` are those of scenarios, all without one. */
export function mixedCells(names: readonly string[], options: BenchOptions, spoken: Spoken): Cell[] {
  const queueMessages = Math.min(
    ...[...spoken.values()].map(
      (protocol) => protocolOf(protocol).promises.queueMessages ?? Number.POSITIVE_INFINITY,
    ),
  );
  const chosen = scenarios.filter(({ name }) => names.length === 0 || names.includes(name));
  const each = new Map(
    [...spoken].map(([server, protocol]) => {
      const own = { ...options, protocol, mixed: { queueMessages } };
      const cells = chosen.flatMap((scenario) => scenario.cells(own));
      return [server, new Map(cells.map((cell) => [keyOf(cell), cell]))] as const;
    }),
  );
  const [[, first]] = each;
  const cells = [...first].flatMap(([key, cell]) => {
    const own = new Map(
      [...each].flatMap(([server, cells]) => (cells.has(key) ? [[server, cells.get(key)!]] : [])),
    );
    if (own.size < each.size || cell.reference) return [];
    refuseUnlike(cell, own);
    return [{ ...cell, variant: variantOf(cell), parameters: parametersOf(cell), own }];
  });
  if (cells.length > 0) return cells;
  const words = [...spoken].map(([server, protocol]) => `${server} speaks ${protocol}`).join(", ");
  throw new Failure(
    exitCodes.usage,
    `--server ${words}: ${names.join(", ") || "no scenario"} ${names.length > 0 ? "does not fit" : "fits"} all of them`,
  );
}

/** `nats 200 closed` is `200 closed`. */
const variantOf = ({ variant, protocol }: Cell) => variant.replace(protocol, "").trim();
const keyOf = (cell: Cell) => `${cell.scenario} ${variantOf(cell)}`;
const parametersOf = ({ parameters: { protocol: _, ...others } }: Cell) => others;

/** What is asked of all of them must be the same. */
function refuseUnlike(cell: Cell, own: ReadonlyMap<string, Cell>): void {
  const asked = JSON.stringify(parametersOf(cell));
  for (const [server, other] of own)
    if (JSON.stringify(parametersOf(other)) !== asked)
      throw new Failure(
        exitCodes.usage,
        `--server ${server} speaks ${other.protocol}, and is asked ${JSON.stringify(parametersOf(other))} where ${cell.protocol} is asked ${asked}: they cannot be compared; --senders and --window make them alike`,
      );
}
