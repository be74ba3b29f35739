// Builds the Go peers once for each state of their sources. Several processes may ask at the same time.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const SOURCES = join(import.meta.dir, "go");
const CACHE = join(import.meta.dir, "../../node_modules/.cache/sockbench");

// Debian's golang-github-gorilla-websocket-dev installs sources here, to be used as a GOPATH.
const GOPATH = "/usr/share/gocode";
const GORILLA = join(GOPATH, "src/github.com/gorilla/websocket");

const BUILD_TIMEOUT_MS = 300_000;

/** Why the Go peers cannot be built here, in words for a report; undefined when they can. */
export function goMissing(): string | undefined {
  if (Bun.which("go") === null) return "go is not installed";
  if (!existsSync(GORILLA)) return "golang-github-gorilla-websocket-dev is not installed";
  return undefined;
}

let built: Promise<string | undefined> | undefined;

/** The path of the built Go peer; undefined if go or gorilla/websocket is missing. A broken build throws. */
export function goPeer(): Promise<string | undefined> {
  built ??= goMissing() === undefined ? build() : Promise.resolve(undefined);
  return built;
}

async function build(): Promise<string> {
  const binary = join(CACHE, `go-peer-${await hashOfSources()}`);
  if (existsSync(binary)) return binary;
  await mkdir(CACHE, { recursive: true });
  // Under a name of its own until it is whole: another process must never start half a binary.
  const unfinished = `${binary}.${process.pid}.${crypto.randomUUID()}`;
  try {
    const go = Bun.spawn(["go", "build", "-o", unfinished, "."], {
      cwd: SOURCES,
      env: { ...process.env, GO111MODULE: "off", GOPATH, GOFLAGS: "" },
      stdout: "ignore",
      stderr: "pipe",
      timeout: BUILD_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const [complaint, status] = await Promise.all([go.stderr.text(), go.exited]);
    if (status !== 0) {
      throw new Error(
        `go build of ${SOURCES} failed (${go.signalCode ?? `exit ${status}`}): ${complaint.trim()}`,
      );
    }
    await rename(unfinished, binary);
  } finally {
    await rm(unfinished, { force: true });
  }
  return binary;
}

async function hashOfSources(): Promise<string> {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  const names = (await readdir(SOURCES)).filter((name) => name.endsWith(".go")).sort();
  for (const name of names) {
    hash
      .update(`${name}\n`)
      .update(await readFile(join(SOURCES, name)))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}
