/** `sockbench known [name…]`: measures servers whose answers are known. */
import { type Command, InvalidArgumentError } from "commander";
import { known } from "../known/known.ts";
import { questions } from "../known/questions.ts";

const names = Object.keys(questions);

function nameOf(name: string, before: string[] = []): string[] {
  if (!names.includes(name)) throw new InvalidArgumentError(`Expected one of: ${names.join(", ")}.`);
  return [...new Set([...before, name])];
}

export function addKnownCommand(program: Command): void {
  program
    .command("known")
    .description("measure servers whose answers are known, and say how far off the bench is")
    .argument("[names...]", `some of them: ${names.join(", ")}`, nameOf)
    .option("--json", "the rows as JSON: nanoseconds, bytes, per second, shares")
    .action(async (chosen: string[] | undefined, { json }: { json?: true }) => {
      process.exitCode = await known(chosen?.length ? chosen : names, json ?? false);
    });
}
