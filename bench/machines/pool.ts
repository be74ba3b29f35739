/** An agent's fleets: processes that outlive samples, and are replaced where one was cut short. */
import type { FromFleet, ToFleet } from "../../clients/exchange.ts";
import type { Plan, Report } from "../../clients/workloads/index.ts";
import { type FleetProcess, startFleet } from "../run/fleets.ts";

export type Pool = {
  count: number;
  /** Tells what they say from now on; one that ends says that it failed. */
  listen: (hear: (index: number, message: FromFleet<Report>) => void) => void;
  send: (index: number, message: ToFleet<Plan>) => void;
  /** Ends those that are at work, and starts others in their place. */
  renew: () => void;
  stop: () => Promise<void>;
};

export function startPool(count: number): Pool {
  let listener: (index: number, message: FromFleet<Report>) => void = () => {};
  const start = (_: unknown, index: number): FleetProcess => {
    const fleet = startFleet();
    fleet.hear = (message) => {
      if (all[index] === fleet) listener(index, message);
    };
    fleet.process.exited.then((code) => {
      if (all[index] !== fleet || stopping) return;
      all[index] = start(undefined, index);
      listener(index, { type: "failed", kind: "internal", reason: `its fleet ended with code ${code}` });
    });
    return fleet;
  };
  let stopping = false;
  let all: FleetProcess[] = [];
  all = Array.from({ length: count }, start);
  return {
    count,
    listen(hear) {
      listener = hear;
    },
    send: (index, message) => void all[index].process.send(message),
    renew() {
      const old = all;
      all = Array.from({ length: count }, start);
      for (const { process } of old) process.kill("SIGKILL");
    },
    async stop() {
      stopping = true;
      for (const { process } of all) process.kill("SIGKILL");
      await Promise.all(all.map(({ process }) => process.exited));
    },
  };
}
