// Where the Go peers can be built, and how.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.ts";

// Debian's golang-github-gorilla-websocket-dev installs sources here, to be used as a GOPATH.
const GOPATH = "/usr/share/gocode";
const GORILLA = join(GOPATH, "src/github.com/gorilla/websocket");

/** Why the Go peers cannot be built here, in words for a report; undefined when they can. */
export function goMissing(): string | undefined {
  if (Bun.which("go") === null) return "go is not installed";
  if (!existsSync(GORILLA)) return "golang-github-gorilla-websocket-dev is not installed";
  return undefined;
}

let built: Promise<string> | undefined;

/** The path of the built Go peer. */
export function goPeer(): Promise<string> {
  built ??= build({
    language: "go",
    endings: [".go"],
    command: (output) => ["go", "build", "-o", output, "."],
    env: { GO111MODULE: "off", GOPATH, GOFLAGS: "" },
  });
  return built;
}
