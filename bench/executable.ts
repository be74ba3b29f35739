/**
 * The one executable: the program, and each of its parts that is a process of its own (platform/own.ts). A file of the
 * user's that it loads finds `sockbench` there, as it would among the dependencies of a project.
 */
import { plugin } from "bun";
import { PART } from "../platform/own.ts";
import { type ServerSpec, standalone } from "../servers/standalone.ts";

/** By their files, as seen from the project's folder: servers export by default what they are, a fleet runs by itself. */
const parts: Readonly<Record<string, () => Promise<{ default?: ServerSpec }>>> = {
  "clients/fleet.ts": () => import("../clients/fleet.ts"),
  "servers/tcp-chat.ts": () => import("../servers/tcp-chat.ts"),
  "servers/udp-relay.ts": () => import("../servers/udp-relay.ts"),
  "servers/ws-chat.ts": () => import("../servers/ws-chat.ts"),
  "servers/tcp-sum.ts": () => import("../servers/tcp-sum.ts"),
  "servers/udp-sum.ts": () => import("../servers/udp-sum.ts"),
  "servers/ws-sum.ts": () => import("../servers/ws-sum.ts"),
  "servers/tcp-echo.ts": () => import("../servers/tcp-echo.ts"),
  "servers/tcp-file.ts": () => import("../servers/tcp-file.ts"),
  "servers/known/burner.ts": () => import("../servers/known/burner.ts"),
  "servers/known/chat.ts": () => import("../servers/known/chat.ts"),
  "servers/known/cutter.ts": () => import("../servers/known/cutter.ts"),
  "servers/known/delay.ts": () => import("../servers/known/delay.ts"),
  "servers/known/hoarder.ts": () => import("../servers/known/hoarder.ts"),
  "servers/known/loser.ts": () => import("../servers/known/loser.ts"),
  "servers/known/slow-last.ts": () => import("../servers/known/slow-last.ts"),
  "servers/mutants/chat-slow.ts": () => import("../servers/mutants/chat-slow.ts"),
  "servers/mutants/chat-unbatched.ts": () => import("../servers/mutants/chat-unbatched.ts"),
  "bench/scenarios/raw-copy.ts": () => import("./scenarios/raw-copy.ts"),
};

/** What a user's file can import by name. */
const modules: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  sockbench: () => import("../index.ts"),
};

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
