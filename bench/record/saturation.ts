/**
 * Whose limit a closed loop has met. A fleet that has no time left drives the server no harder than it can itself:
 * then the server's rate is at least what was measured, and two servers that both outrun the fleet look alike.
 */
import type { Sample } from "./record.ts";

/** Open loop: messages are sent at a rate that was asked for, whatever the server makes of it. */
export const isOpen = ({ parameters }: Pick<Sample, "parameters">): boolean => parameters.loop === "open";

/** A process on a CPU of its own that uses so much of it has no time left to speak of. */
const FULL = 0.9;

/** Share of one CPU that the busiest fleet used, and that the server did; undefined where it cannot be read. */
export function cpuShares({ meters }: Sample): { fleet: number | undefined; server: number | undefined } {
  const share = (used: number) => (meters ? used / meters.elapsed : undefined);
  return {
    fleet: meters && meters.fleetCpu.length > 0 ? share(Math.max(...meters.fleetCpu)) : undefined,
    server: meters?.serverCpu == null ? undefined : share(meters.serverCpu),
  };
}

/** Whether a closed loop's rate is only a lower bound of the server's: the fleet was full and the server was not. */
export function isGeneratorLimited(sample: Sample): boolean {
  if (sample.parameters.loop !== "closed") return false;
  const { fleet = 0, server = 0 } = cpuShares(sample);
  return fleet >= FULL && server < FULL;
}
