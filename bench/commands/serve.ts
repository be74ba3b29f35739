/** `sockbench serve <protocol>`: a reference server by hand, until Ctrl+C. */
import Table from "cli-table3";
import type { Command } from "commander";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { transportNames } from "../../protocols/protocol.ts";
import { serverNames, servers } from "../../servers/index.ts";
import { standalone } from "../../servers/standalone.ts";

/** Every server: name, transport, well-known port, summary. */
function list(): string {
  const table = new Table({
    head: ["protocol", "transport", "port", "what it is"],
    style: { head: [], border: [], compact: true },
  });
  for (const name of serverNames) {
    const { protocol, spec } = servers[name];
    table.push([name, transportNames[protocol.transport], spec.port({}), spec.summary]);
  }
  return table.toString();
}

export function addServeCommand(program: Command): void {
  const command = program
    .command("serve [protocol] [flags...]")
    .description("start a reference server by hand")
    .usage("<protocol> [its flags]")
    .option("--list", "print all servers")
    .addHelpText(
      "after",
      "\nserve <protocol> --help shows the flags of one server; serve --list shows all servers.",
    )
    // Flags behind the protocol are the server's, --help too.
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (protocol: string | undefined, flags: string[], options: { list?: boolean }) => {
      if (options.list) return console.log(list());
      if (protocol === undefined || !Object.hasOwn(servers, protocol))
        throw new Failure(
          exitCodes.usage,
          `${protocol === undefined ? "serve needs a protocol" : `unknown protocol "${protocol}"`}: expected one of: ${serverNames.join(", ")}`,
        );
      await standalone(servers[protocol].spec, flags, `${program.name()} serve ${protocol}`);
    });
  command.helpOption("-h, --help", "show this, or a server's flags");
}
