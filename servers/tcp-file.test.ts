/** File transfer over real sockets, into a directory of its own. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printable } from "../platform/printable.ts";
import { openFilesOf } from "../platform/proc.ts";
import { NAME_BYTES, receipt, writeName } from "../protocols/file.ts";
import type { Running } from "./standalone.ts";
import { type FileOptions, startFile } from "./tcp-file.ts";
import { connectRaw, eventually, startProgram } from "./testing.ts";

let server: Running;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "file-test-"));
});
afterEach(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});

async function start(options: Partial<FileOptions> = {}): Promise<void> {
  server = await startFile({ host: "127.0.0.1", port: 0, dir, maxBytes: 1e9, idleSeconds: 60, ...options });
}

const receiptOf = (body: Uint8Array) => receipt(body.length, createHash("sha256").update(body).digest("hex"));

/** Offers a name and waits for the answer. */
async function offer(name: Uint8Array | string) {
  const client = await connectRaw(server.url);
  client.write(typeof name === "string" ? writeName(name) : name);
  await client.until(() => client.received() > 0, "Y or N");
  return client;
}

async function transfer(name: string, body: Uint8Array) {
  const client = await offer(name);
  client.write(body);
  await client.written();
  client.finish();
  await client.untilClosed();
  return client.text();
}

test.each([0, 1, 1024, 3_000_000])(
  "%d bytes arrive whole and are confirmed with their SHA-256",
  async (size) => {
    await start();
    const body = new Uint8Array(size).map((_, i) => i * 31 + (i >> 8));
    expect(await transfer("päper.bin", body)).toBe(`Y${receiptOf(body)}`);
    expect(readFileSync(join(dir, "päper.bin")).equals(body)).toBe(true);
    expect(readdirSync(dir)).toEqual(["päper.bin"]);
  },
);

test("the name may come byte by byte, and the body in the same segment as its end", async () => {
  await start();
  const client = await connectRaw(server.url);
  const name = writeName("early");
  for (let at = 0; at < 100; at++) client.write(name.subarray(at, at + 1));
  client.write(Buffer.concat([name.subarray(100), Buffer.from("body")]));
  client.finish();
  await client.untilClosed();
  expect(client.text()).toBe(`Y${receiptOf(Buffer.from("body"))}`);
});

const padded = (bytes: string) => Buffer.concat([Buffer.from(bytes, "latin1")], NAME_BYTES);
test.each([
  ["an empty name", padded("")],
  ["a path", padded("a/b")],
  ["a path of another system", padded("a\\b")],
  ["a way up", padded("../x")],
  ["the directory above", padded("..")],
  ["the directory itself", padded(".")],
  ["an absolute path", padded("/etc/passwd")],
  ["a name that is not UTF-8", padded("\xff\xfe")],
  ["bytes behind the padding", padded("name\0more")],
  ["a name without padding", Buffer.alloc(NAME_BYTES, "x")],
  ["a name of an unfinished file", padded(".unfinished-1-1")],
])("%s is refused with N", async (_, name) => {
  await start();
  const client = await offer(name);
  await client.untilClosed();
  expect(client.text()).toBe("N");
  expect(readdirSync(dir)).toEqual([]);
});

test("an existing file is never overwritten, nor a link that leads elsewhere followed", async () => {
  await start();
  writeFileSync(join(dir, "there"), "old");
  symlinkSync("/nowhere/at/all", join(dir, "link"));
  for (const name of ["there", "link"]) expect((await offer(name)).text()).toBe("N");
  expect(readFileSync(join(dir, "there"), "utf8")).toBe("old");
});

test("a file that appears during the transfer is not overwritten either, and nothing is confirmed", async () => {
  await start();
  const client = await offer("race");
  client.write("new");
  writeFileSync(join(dir, "race"), "old");
  client.finish();
  await client.untilClosed();
  expect(client.text()).toBe("Y");
  expect(readFileSync(join(dir, "race"), "utf8")).toBe("old");
  expect(readdirSync(dir)).toEqual(["race"]);
});

test("the second of two transfers of one name at a time is refused, and the name is free again after a break", async () => {
  await start();
  const first = await offer("same");
  expect((await offer("same")).text()).toBe("N");
  first.reset();
  await eventually(() => server.counters!()["transfers broken off"] === 1, "the end of the transfer");
  expect(await transfer("same", Buffer.from("x"))).toBe(`Y${receiptOf(Buffer.from("x"))}`);
});

test("a transfer that is reset leaves nothing", async () => {
  await start();
  const client = await offer("broken");
  client.write("x".repeat(100_000));
  await client.written();
  await eventually(() => readdirSync(dir).length === 1, "files: 1");
  client.reset();
  await eventually(() => readdirSync(dir).length === 0, "files: 0");
});

test("a transfer over --max-bytes is broken off and leaves nothing", async () => {
  await start({ maxBytes: 1000 });
  expect(await transfer("fits", new Uint8Array(1000))).toBe(`Y${receiptOf(new Uint8Array(1000))}`);
  expect(await transfer("more", new Uint8Array(1001))).toBe("Y");
  await eventually(() => readdirSync(dir).length === 1, "files: 1");
});

test("a silent transfer is broken off, also one that never sends its whole name", async () => {
  await start({ idleSeconds: 0.2 });
  const named = await offer("silent");
  const nameless = await connectRaw(server.url);
  nameless.write("silent");
  for (const client of [named, nameless]) await client.untilClosed();
  await eventually(() => readdirSync(dir).length === 0, "files: 0");
});

test("stopping the program leaves no unfinished file", async () => {
  await start();
  const program = await startProgram("tcp-file.ts", ["--dir", dir]);
  const client = await connectRaw(program.listening);
  client.write(writeName("half"));
  await client.untilEnd("Y");
  client.write("x".repeat(10_000));
  await eventually(() => readdirSync(dir).length === 1, "files: 1");
  expect(await program.stop()).toBe(0);
  expect(readdirSync(dir)).toEqual([]);
});

/** Begins a transfer and waits until its file is there; `finish` ends it and tells what came. */
async function begin(url: string, name: string, body: Uint8Array) {
  const files = readdirSync(dir).length;
  const client = await connectRaw(url);
  client.write(writeName(name));
  await client.untilEnd("Y");
  client.write(body);
  await eventually(() => readdirSync(dir).length > files, "its file");
  return async () => {
    client.finish();
    await client.untilClosed();
    return client.text();
  };
}

test("what a killed server has left is gone when the next one starts, which takes transfers as ever", async () => {
  const body = Buffer.from("whole");
  const killed = await startProgram("tcp-file.ts", ["--dir", dir]);
  for (const name of ["one", "two"]) await begin(killed.listening, name, Buffer.from("half"));
  killed.child.kill("SIGKILL");
  await killed.child.exited;
  expect(readdirSync(dir).length).toBe(2);
  await start();
  expect(readdirSync(dir)).toEqual([]);
  for (const name of ["one", "two"]) expect(await transfer(name, body)).toBe(`Y${receiptOf(body)}`);
  expect(readdirSync(dir).toSorted()).toEqual(["one", "two"]);
});

test("a server that starts leaves alone what another one in the same directory is just receiving", async () => {
  const body = Buffer.from("body");
  const other = await startProgram("tcp-file.ts", ["--dir", dir]);
  const finish = await begin(other.listening, "theirs", body);
  await start();
  expect(await transfer("ours", body)).toBe(`Y${receiptOf(body)}`);
  expect(await finish()).toBe(`Y${receiptOf(body)}`);
  expect(readdirSync(dir).toSorted()).toEqual(["ours", "theirs"]);
  await other.stop();
});

test("without a descriptor for its file a transfer is refused, and taken when there is one again", async () => {
  await start();
  const program = await startProgram("tcp-file.ts", ["--dir", dir], { openFiles: 48 });
  const idle = await Promise.all(Array.from({ length: 60 }, () => connectRaw(program.listening)));
  await eventually(() => openFilesOf(program.child.pid)?.open === 48, "a full file table");
  idle[0].write(writeName("file"));
  await idle[0].untilClosed();
  expect(idle[0].text()).toBe("N");
  for (const client of idle) client.reset();
  await eventually(() => openFilesOf(program.child.pid)!.open < 40, "descriptors");
  const finish = await begin(program.listening, "file", Buffer.from("x"));
  expect(await finish()).toBe(`Y${receiptOf(Buffer.from("x"))}`);
  await program.stop();
});

test("a name that would act on the terminal is printed harmlessly", async () => {
  await start();
  const program = await startProgram("tcp-file.ts", ["--dir", dir]);
  const name = "\u001b[2J\u202egpj.exe";
  const finish = await begin(program.listening, name, Buffer.from("x"));
  writeFileSync(join(dir, name), "came in between");
  expect(await finish()).toBe("Y");
  await program.stop();
  const told = await program.child.stderr.text();
  expect(told).toStartWith("\\x1b[2J\\u{202e}gpj.exe: EEXIST");
  expect(told.slice(0, -1)).toBe(printable(told.slice(0, -1)));
});

test("memory does not grow with the file", async () => {
  await start();
  const program = await startProgram("tcp-file.ts", ["--dir", dir, "--max-bytes", "1000000000"]);
  const peak = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${program.child.pid}/status`, "utf8"))?.[1]);
  const chunk = new Uint8Array(1024 * 1024).fill(7);
  const send = async (name: string, megabytes: number) => {
    const client = await connectRaw(program.listening);
    client.write(writeName(name));
    await client.untilEnd("Y");
    for (let i = 0; i < megabytes; i++) {
      client.write(chunk);
      await client.written();
    }
    client.finish();
    await client.untilClosed();
    expect(client.text()).toStartWith(`Y${megabytes * chunk.length} `);
  };
  await send("small", 32);
  const before = peak();
  await send("large", 256);
  expect((peak() - before) / 1024).toBeLessThan(100); // of 224 MiB more
  await program.stop();
});
