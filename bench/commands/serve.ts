/** `sockbench serve <protocol>`: a reference server by hand. */
import type { Command } from "commander";
import { type ServerSpec, standalone } from "../../servers/standalone.ts";
import { chatServer } from "../../servers/tcp-chat.ts";
import { relayServer } from "../../servers/udp-relay.ts";
import { sumServer } from "../../servers/ws-sum.ts";
import { exitCodes, Failure } from "../failure.ts";

const servers: Record<string, ServerSpec> = {
  "chat/bracket": chatServer,
  relay: relayServer,
  "sum/ws": sumServer,
};

export function addServeCommand(program: Command): void {
  program
    .command("serve <protocol> [flags...]")
    .description("start a reference server by hand")
    .allowUnknownOption()
    .action(async (protocol: string, flags: string[]) => {
      const spec = servers[protocol];
      if (!spec)
        throw new Failure(
          exitCodes.usage,
          `unknown protocol "${protocol}": there is ${Object.keys(servers).join(", ")}`,
        );
      await standalone(spec, flags);
    });
}
