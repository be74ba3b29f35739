/** `sockbench agent`: offers this machine's fleets to benches on others, until Ctrl+C. */
import { availableParallelism, hostname } from "node:os";
import type { Command } from "commander";
import { resolveProtocol } from "../../clients/protocol-file.ts";
import { endSignals } from "../../platform/at-exit.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { onceEach, several } from "../../platform/flags.ts";
import { wholeNumber } from "../../servers/standalone.ts";
import { startAgent } from "../machines/agent.ts";

type Flags = {
  nats: string;
  name: string;
  cores: number;
  address?: string;
  clockPort: number;
  protocol?: string[];
  serve?: string;
};

export function addAgentCommand(program: Command): void {
  const command = program
    .command("agent")
    .description("offer this machine's fleets to benches on others")
    .requiredOption("--nats <url>", "the NATS server where benches find it: nats://host:port")
    .option("--name <name>", "how it is called in tables and records", hostname())
    .option(
      "--cores <number>",
      "fleets that it offers, a core each",
      wholeNumber(0, 1024),
      availableParallelism(),
    )
    .option(
      "--address <address>",
      "where the other machines reach it (default: as it reaches the NATS server)",
    )
    .option(
      "--clock-port <port>",
      "UDP port by which clocks are compared; 0 is a free one",
      wholeNumber(0, 65_535),
      0,
    )
    .option(
      "--serve <targets.json>",
      "start the servers of this file, by their names, when a bench asks for one",
    )
    .option("--protocol <file>", "a protocol that is none of ours, repeatable: this machine's copy", several)
    .action(agent);
  onceEach(command);
}

async function agent({ protocol = [], cores, ...flags }: Flags): Promise<void> {
  for (const path of protocol) await resolveProtocol(path);
  if (flags.name.length > 100 || flags.name === "")
    throw new Failure(exitCodes.usage, `--name ${flags.name.slice(0, 20)}…: expected 1 to 100 characters`);
  const tell = (words: string) => console.error(`agent ${flags.name}: ${words}`);
  const running = await startAgent({ ...flags, fleets: cores, tell });
  if (flags.serve !== undefined) tell(`starts servers of ${flags.serve}`);
  tell(`${cores} fleet${cores === 1 ? "" : "s"} offered at ${running.broker.url}`);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  for (const signal of endSignals) process.on(signal, () => end());
  await ended;
  await running.stop();
  process.exit(exitCodes.ok);
}
