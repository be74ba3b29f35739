/** An agent's fleets: processes that outlive samples, and are replaced where one was cut short. */
import type { FromFleet, ToFleet } from "../../clients/exchange.ts";
import type { Plan, Report } from "../../clients/workloads/index.ts";
import { type FleetProcess, startFleet } from "../run/fleets.ts";

export type Pool = {
  count: number;
  pids: () => number[];
  /** Tells what they say from now on; one that ends says that it failed. */
  listen: (hear: (index: number, message: FromFleet<Report>) => void) => void;
  send: (index: number, message: ToFleet<Plan>) => void;
  /** Ends those that are at work, and starts others in their place. */
  renew: () => void;
  stop: () => Promise<void>;
};

export function startPool(count: number): Pool {
  let listener: (index: number, message: FromFleet<Report>) => void = () => {};
  const start = (index: number): FleetProcess => {
    const fleet = startFleet();
    const isOurs = () => all[index] === fleet && !stopping;
    fleet.hear = (message) => {
      if (isOurs()) listener(index, message);
    };
    fleet.process.exited.then((code) => {
      if (isOurs())
        listener(index, { type: "failed", kind: "internal", reason: `its fleet ended with code ${code}` });
    });
    return fleet;
  };
  const startAll = () => Array.from({ length: count }, (_, index) => start(index));
  let stopping = false;
  let all: FleetProcess[] = [];
  all = startAll();
  return {
    count,
    pids: () => all.map(({ process }) => process.pid),
    listen(hear) {
      listener = hear;
    },
    send(index, message) {
      // One that has ended is missed by the next plan, not before: what ends at its start must not be started for ever.
      if (hasEnded(all[index])) {
        if (message.type !== "plan") return;
        all[index] = start(index);
      }
      all[index].process.send(message);
    },
    renew() {
      const old = all;
      all = startAll();
      for (const { process } of old) process.kill("SIGKILL");
    },
    async stop() {
      stopping = true;
      for (const { process } of all) process.kill("SIGKILL");
      await Promise.all(all.map(({ process }) => process.exited));
    },
  };
}

const hasEnded = ({ process }: FleetProcess) => process.exitCode !== null || process.signalCode !== null;
