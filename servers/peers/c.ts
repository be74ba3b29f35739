// Where the C peer can be built, and how.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.ts";

const compiler = () => ["cc", "gcc", "clang"].find((name) => Bun.which(name) !== null);

/** Why the C peer cannot be built here, in words for a report; undefined when it can. */
export function cMissing(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux: epoll, recvmmsg and sendmmsg";
  return compiler() === undefined ? "no C compiler is installed: cc, gcc or clang" : undefined;
}

let built: Promise<string> | undefined;

/** The path of the built C peer. */
export function cPeer(): Promise<string> {
  const sources = readdirSync(join(import.meta.dir, "c")).filter((name) => name.endsWith(".c"));
  built ??= build({
    language: "c",
    endings: [".c", ".h"],
    command: (output) => [
      compiler() ?? "cc",
      "-O2",
      "-std=gnu11",
      "-Wall",
      "-Wextra",
      "-o",
      output,
      ...sources.sort(),
    ],
  });
  return built;
}
