/**
 * A server that `--exec` starts and that answers at a known address: one for all cases, since the address is one. It
 * is started anew when it has ended, and for a case that needs a fresh one or a console that is not closed.
 */
import type { Endpoint as Address } from "../clients/endpoint.ts";
import { udpIsBound } from "../platform/udp-bound.ts";
import { listens, refuseTaken, untilAnswered } from "../targets/ready.ts";
import { listenersOf } from "../targets/running.ts";
import { type Started, startProgram } from "../targets/started.ts";
import { sleep } from "./peer.ts";
import type { Provider, Target } from "./target.ts";

/** A command that puts its server into the background has ended by then, and nothing of ours runs any more. */
const SETTLE_MS = 300;

/** Of a UDP server nothing can be seen where there is no table of bound ports: it is given a moment. */
async function whyNotThere(address: Address): Promise<string | undefined> {
  const { transport, hostname, port, url } = address;
  if (transport === "udp" && udpIsBound(hostname, port) === undefined)
    return sleep(500).then(() => undefined);
  return (await listens(address)) ? undefined : `${url} does not answer`;
}

export function commandProvider(command: string, address: Address, times: Target["times"] = {}): Provider {
  let program: Started | undefined;
  /** How the program ended though nobody stopped it. */
  let end: string | undefined;

  async function launch(): Promise<Started> {
    await refuseTaken(command, address);
    const name = `--exec "${command}"`;
    // As a shell understands it: quotes, variables, `cd there && ./server`.
    const started = startProgram(name, ["/bin/sh", "-c", command], undefined, { console: true });
    program = started;
    end = undefined;
    started.broken.catch(({ message }: Error) => {
      if (program === started) end = message;
    });
    try {
      await untilAnswered(name, address, started, whyNotThere);
      await Promise.race([started.broken, sleep(SETTLE_MS)]);
    } catch (error) {
      await stop();
      throw error;
    }
    return started;
  }

  async function stop(): Promise<void> {
    const stopped = program;
    program = undefined;
    await stopped?.stop();
  }

  return {
    own: false,
    cheap: false,
    async start() {
      const { input, pids } = program ?? (await launch());
      const [pid] = listenersOf(address);
      return {
        ...address,
        times,
        ...(pid === undefined ? {} : { pid, pids }),
        ...(input ? { console: input } : {}),
        alive: () => end === undefined,
        lastWords: () => end,
        stop: async () => {},
      };
    },
    async restart() {
      await stop();
      await launch();
    },
    fits: (needs) => needs === "console" && program?.input?.ended() === false,
    stop,
  };
}
