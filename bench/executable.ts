/**
 * The one executable: the program, and each of its parts that is a process of its own (platform/own.ts). A file of the
 * user's that it loads finds `sockbench` there, as it would among the dependencies of a project.
 */
import { plugin } from "bun";
import { PART } from "../platform/own.ts";
import { standalone } from "../servers/standalone.ts";
import { modules, parts } from "./parts.ts";

plugin({
  name: "sockbench",
  setup(build) {
    for (const [name, load] of Object.entries(modules))
      build.module(name, async () => ({ exports: { ...(await load()) }, loader: "object" }));
  },
});

const [first, file = "", ...flags] = process.argv.slice(2);
if (first === PART) {
  const load = parts[file];
  if (!load) throw new Error(`${PART} ${file}: there is no such part`);
  const { default: spec } = await load();
  if (spec) await standalone(spec, flags, file);
} else await import("./sockbench.ts");
