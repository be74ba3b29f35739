#!/usr/bin/env bun
/** The program: one file a command in commands/, one line a command here, and how every command ends. */
import { Command } from "commander";
import { version } from "../package.json";
import { exitCodes, Failure } from "../platform/failure.ts";
import { printableLines } from "../platform/printable.ts";
import { addAaCommand } from "./commands/aa.ts";
import { addAgentCommand } from "./commands/agent.ts";
import { addBenchCommand } from "./commands/bench.ts";
import { addCompareCommand } from "./commands/compare.ts";
import { addConformCommand } from "./commands/conform.ts";
import { addConnectCommand } from "./commands/connect.ts";
import { addInitCommand } from "./commands/init.ts";
import { addKnownCommand } from "./commands/known.ts";
import { addMicroCommand } from "./commands/micro.ts";
import { addProxyCommand } from "./commands/proxy.ts";
import { addReportCommand } from "./commands/report.ts";
import { addServeCommand } from "./commands/serve.ts";

const program = new Command("sockbench")
  .description("Is a socket server right, how fast is it, and has that changed?")
  .version(version)
  .showSuggestionAfterError(false)
  .enablePositionalOptions()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage));

const commands = [
  addBenchCommand,
  addConformCommand,
  addCompareCommand,
  addReportCommand,
  addServeCommand,
  addConnectCommand,
  addProxyCommand,
  addInitCommand,
  addMicroCommand,
  addAaCommand,
  addKnownCommand,
  addAgentCommand,
];
for (const add of commands) add(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  // A message may quote what a peer has sent.
  console.error(`error: ${printableLines(error.message)}`);
  process.exit(error.exitCode);
}
