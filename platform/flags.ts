/**
 * Flags that exclude or need one another: a table for each command, checked before anything is done, so that none is
 * ignored silently.
 */
import { type Command, InvalidArgumentError } from "commander";
import { exitCodes, Failure } from "./failure.ts";

/** Flags by their names in the parsed options (`maxSamples` is `--max-samples`), and what a user is told. */
export type FlagRule =
  | { flag: string; not: readonly string[]; because: string }
  | { flag: string; needs: string; because: string };

/** Throws a usage error that names both flags of the first rule that the command line breaks. */
export function checkFlags(given: object, rules: readonly FlagRule[]): void {
  const values = new Map(Object.entries(given));
  const isGiven = (flag: string) => ![undefined, false].includes(values.get(flag));
  for (const rule of rules.filter(({ flag }) => isGiven(flag))) {
    if ("needs" in rule) {
      if (isGiven(rule.needs)) continue;
      throw usage(`${written(rule.flag)} needs ${written(rule.needs)}: ${rule.because}`);
    }
    const other = rule.not.find(isGiven);
    if (other === undefined) continue;
    throw usage(`${written(rule.flag)} and ${written(other)} do not go together: ${rule.because}`);
  }
}

const usage = (message: string) => new Failure(exitCodes.usage, message);

/** `maxSamples` as it is written: `--max-samples`. */
export const written = (flag: string): string =>
  `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** For a flag with a value: given twice, the first one would be ignored silently. */
export function once(text: string, before: string | undefined): string {
  if (before !== undefined) throw new InvalidArgumentError(`It is given already, as "${before}".`);
  return text;
}

/** For a flag that may be given several times: all of its values, in order. */
export const several = (text: string, before: string[] = []): string[] => [...before, text];

/** The options that were written, with their values: those by default are not among them. */
export function givenIn(command: Command): Record<string, unknown> {
  const names = command.options.map((option) => option.attributeName());
  const given = names.filter((name) => command.getOptionValueSource(name) === "cli");
  return Object.fromEntries(given.map((name) => [name, command.getOptionValue(name)]));
}

/** For a command whose flags may not be repeated, except those of `several`: commander would silently take the last. */
export function onceEach(command: Command): void {
  const seen = new Set<string>();
  for (const option of command.options.filter(({ parseArg }) => parseArg !== several))
    command.on(`option:${option.name()}`, () => {
      if (seen.has(option.name())) throw usage(`${option.long} is given twice: one of them would be dropped`);
      seen.add(option.name());
    });
}
