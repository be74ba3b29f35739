/** Amounts as the proxy's flags have them: `20ms±5ms`, `1MiB/s`, `200ms/1s`. */
import { InvalidArgumentError } from "commander";

const MILLISECONDS: Record<string, number> = { us: 0.001, µs: 0.001, ms: 1, s: 1000 };
const BYTES: Record<string, number> = {
  B: 1,
  kB: 1e3,
  KiB: 1024,
  MB: 1e6,
  MiB: 1024 ** 2,
  GB: 1e9,
  GiB: 1024 ** 3,
};
const MOST_MS = 3_600_000;

/** A time in milliseconds, of text such as `1.5s`; undefined where it is none, or over an hour. */
function time(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,6})?)(us|µs|ms|s)$/.exec(text) ?? [];
  const value = Number(number) * MILLISECONDS[unit];
  return value <= MOST_MS ? value : undefined;
}

/** `20ms`, or with jitter `20ms±5ms` (also written `20ms+-5ms`). */
export function latency(text: string): { latency: number; jitter: number } {
  const [of, around = "0ms", ...more] = text.split(/±|\+-/);
  const [latency, jitter] = [time(of), time(around)];
  if (latency === undefined || jitter === undefined || more.length > 0 || jitter > latency)
    throw new InvalidArgumentError(
      "It takes a time, as 20ms or 20ms±5ms; the jitter is at most the latency.",
    );
  return { latency, jitter };
}

/** `1MiB/s` and the like, in bytes per second. */
export function bandwidth(text: string): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,6})?)([kKMG]?i?B)\/s$/.exec(text) ?? [];
  const value = Number(number) * BYTES[unit];
  if (!(value >= 1)) throw new InvalidArgumentError("It takes bytes per second, as 64KiB/s or 1MB/s.");
  return value;
}

/** `200ms/1s`: nothing passes for the first 200 ms of each second. */
export function stall(text: string): { time: number; every: number } {
  const [forTime, every] = text.split("/").map(time);
  if (!forTime || !every || forTime >= every)
    throw new InvalidArgumentError("It takes how long of which time nothing passes, as 200ms/1s.");
  return { time: forTime, every };
}
