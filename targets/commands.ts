/**
 * A user's own server by the command that starts it, as a shell understands it: quotes, variables, `cd there &&
 * ./server`. Where it answers is given, or a free port of ours for `{port}`, or told by its first line, a JSON line.
 */
import type { Endpoint } from "../clients/endpoint.ts";
import { protocolOf } from "../protocols/index.ts";
import { freePort } from "./free-port.ts";
import { placeOn } from "./place.ts";
import { started } from "./programs.ts";
import { refuseTaken, untilAnswered, untilListening } from "./ready.ts";
import { listenersOf } from "./running.ts";
import type { ServerSource, ServerUnderTest, StartOptions } from "./server.ts";
import { failedToStart } from "./started.ts";

/** Where the command is to be told its port. */
export const PORT = "{port}";

/** A command's server; `at` is where it will answer, and `label` how messages call it. */
export function command(name: string, text: string, at?: Endpoint, label = name): ServerSource {
  const argv = (port: number) => ["/bin/sh", "-c", text.replaceAll(PORT, String(port))];
  if (at)
    return {
      name,
      kind: "at an address",
      endpoint: at,
      start: (protocol, options = {}) => startAndAsk(label, argv(at.port), at, protocol, options),
    };
  const start: ServerSource["start"] = text.includes(PORT)
    ? async (protocol, options = {}) => {
        const port = await freePort(protocolOf(protocol).transport);
        return startAndAsk(label, argv(port), placeOn(protocol, port, options.path), protocol, options);
      }
    : async (protocol, options = {}) => {
        const server = await started(label, argv(0), options, (one) => untilListening(label, one));
        return refuseOther(label, protocol, server);
      };
  return { name, kind: "command", start };
}

/** Starts a server that says nothing we know, and asks at its address until it answers. */
async function startAndAsk(
  label: string,
  argv: string[],
  at: Endpoint,
  protocol: string,
  options: StartOptions,
) {
  await refuseTaken(label, at);
  const server = await started(label, argv, options, async (one) => {
    await untilAnswered(label, at, one, protocol, options.bare);
    return at;
  });
  const pid = listenersOf(at)[0];
  const { pid: _, ...rest } = server;
  return { ...rest, ...(pid === undefined ? {} : { pid }), pids: () => withHelpers(server.pids(), at) };
}

/** A command may have another program serve for it (a container's, say), which is not its descendant. */
function withHelpers(pids: readonly number[], target: Endpoint): number[] {
  const listeners = listenersOf(target);
  return listeners.some((pid) => pids.includes(pid)) ? [...pids] : [...pids, ...listeners];
}

/** A server that tells its address may be of another protocol than it was taken for. */
async function refuseOther(
  label: string,
  protocol: string,
  server: ServerUnderTest,
): Promise<ServerUnderTest> {
  const { transport } = protocolOf(protocol);
  if (server.transport === transport) return server;
  await server.stop();
  throw failedToStart(label, `it listens at ${server.url}, and ${protocol} needs ${transport}://`);
}
