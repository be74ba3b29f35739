/** What was written on a command line: a flag that is given twice, or beside one that it does not go with, is told. */
import type { Command } from "commander";
import { exitCodes, Failure } from "../platform/failure.ts";

const usage = (message: string) => new Failure(exitCodes.usage, message);

/** For a command none of whose options may be repeated: of two, commander would take the last in silence. */
export function onceEach(command: Command): Command {
  const seen = new Set<string>();
  for (const option of command.options)
    command.on(`option:${option.name()}`, () => {
      if (seen.has(option.name())) throw usage(`${option.long} is given twice: one of them would be dropped`);
      seen.add(option.name());
    });
  return command;
}

/** The flags that were given, by attribute name, such as `fileSize`: those by default are not among them. */
export function givenIn(command: Command): Set<string> {
  const attributes = command.options.map((option) => option.attributeName());
  return new Set(attributes.filter((name) => command.getOptionValueSource(name) === "cli"));
}

/** `fileSize` as it is written: `--file-size`. */
export const flagOf = (attribute: string): string =>
  `--${attribute.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Two flags, by attribute name, that do not go together, and why; `goes: "only"` of one that needs the other. */
export type Pairing = { flag: string; other: string; goes: "never" | "only"; why: string };

/** Throws a usage error for the first pairing that the given flags do not keep. */
export function refusePairs(given: ReadonlySet<string>, pairings: readonly Pairing[]): void {
  for (const { flag, other, goes, why } of pairings) {
    if (!given.has(flag) || given.has(other) === (goes === "only")) continue;
    const words = goes === "never" ? "does not go with" : "goes only with";
    throw usage(`${flagOf(flag)} ${words} ${flagOf(other)}: ${why}`);
  }
}
