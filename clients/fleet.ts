/**
 * A fleet: one client process, started by the bench, which runs one workload after the other as planned.
 * It outlives a sample, so that its code is compiled by the time the second one comes.
 */
import { setRunClock } from "../platform/clock.ts";
import { addProtocol } from "../protocols/index.ts";
import type { Exchange, FromFleet, ToFleet } from "./exchange.ts";
import { importProtocol } from "./protocol-file.ts";
import { Unreachable } from "./unreachable.ts";
import { type Plan, type Report, runWorkload } from "./workloads/index.ts";

type Told = ToFleet<Plan>;

const tell = (message: FromFleet<Report>) => process.send?.(message);

/** Who waits for the bench's next word; the bench says one at a time. */
const waiting = new Map<Told["type"], (message: Told) => void>();

function hear<T extends Told["type"]>(type: T): Promise<Extract<Told, { type: T }>> {
  return new Promise((resolve) =>
    waiting.set(type, (message) => resolve(message as Extract<Told, { type: T }>)),
  );
}

process.on("message", (message: Told) => {
  const resolve = waiting.get(message.type);
  waiting.delete(message.type);
  resolve?.(message);
});
// The bench has gone: nothing here is of use to anyone any more.
process.on("disconnect", () => process.exit(0));
// Ctrl-C goes to the whole group; the bench decides what that means.
process.on("SIGINT", () => {});

for (;;) {
  const { plan, fleet, fleets, place } = await hear("plan");
  setRunClock(place?.clock ?? 0);
  const exchange: Exchange = {
    fleet,
    fleets,
    ...(place ? { machines: place.machines } : {}),
    ready(introduction) {
      tell({ type: "ready", introduction });
      return hear("go");
    },
    progress: (progress) => tell({ type: "progress", progress }),
    async sent(sent) {
      tell({ type: "sent", sent });
      return (await hear("drain")).sent;
    },
  };
  try {
    // A protocol that is none of ours comes with the file that defines it.
    if (plan.module !== undefined) addProtocol(await importProtocol(plan.module));
    tell({ type: "report", report: await runWorkload(plan, exchange) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof Unreachable) tell({ type: "failed", kind: "unreachable", reason });
    else
      tell({ type: "failed", kind: "internal", reason: error instanceof Error ? `${error.stack}` : reason });
  }
}
