/** `sockbench micro`: mitata benchmarks of the hot paths. */
import type { Command } from "commander";

export function addMicroCommand(program: Command): void {
  program
    .command("micro")
    .description("micro-benchmarks of the hot paths (mitata)")
    .action(async () => {
      await import("../micro/hot-paths.ts");
    });
}
