/** A server in this process: for tests, where a start must cost nothing. */
import { Command } from "commander";
import { parseEndpoint } from "../clients/endpoint.ts";
import type { ServerOptions, ServerSpec } from "../servers/standalone.ts";
import { pausing } from "./pause.ts";
import { atPath } from "./place.ts";
import { ownDirectory } from "./programs.ts";
import { type ServerSource, unseen } from "./server.ts";
import { failedToStart } from "./started.ts";

export function inProcess(spec: ServerSpec, flags: readonly string[]): ServerSource {
  const name = spec.summary;
  return {
    name,
    kind: "in process",
    async start(_, options = {}) {
      const program = new Command().option("--port <n>", "", Number, 0).option("--host <a>", "", "127.0.0.1");
      spec.options?.(program);
      const { directory, flags: more, forget } = ownDirectory(options);
      program.parse([...flags, ...more], { from: "user" });
      const { url, stop } = await spec.start(program.opts<ServerOptions>());
      const endpoint = parseEndpoint(url);
      if (!endpoint) throw failedToStart(name, `${url} is no address`);
      return {
        ...atPath(endpoint, options.path),
        ...pausing(name, () => []),
        ...unseen(),
        ...(directory ? { directory } : {}),
        async stop() {
          await stop();
          forget();
          return {};
        },
      };
    },
  };
}
