/** What the tests of servers that people run share: such a server if it is installed, and a room on it. */
import { afterEach, test } from "bun:test";
import { alone, type Drive } from "../../clients/drives/drive.ts";
import { openRoomDrive } from "../../clients/drives/room-drive.ts";
import { now } from "../../platform/clock.ts";
import { protocolOf } from "../../protocols/index.ts";
import { connectRaw, type RawClient } from "../../servers/testing.ts";
import { OUR_TARGETS, readTargets, sourceOf } from "../file.ts";
import type { ServerUnderTest } from "../server.ts";

/** The entry of targets.json, with its command changed for a test. */
export function entry(name: string, change: (command: string) => string = (command) => command) {
  const found = readTargets(OUR_TARGETS).find((one) => one.name === name);
  if (!found?.command) throw new Error(`targets.json has no command for ${name}`);
  const [protocol] = found.protocols ?? [];
  return { protocol, source: sourceOf({ ...found, command: change(found.command) }) };
}

const missing = await Promise.all(
  ["nats", "redis", "mosquitto", "memcached"].map(async (name) => {
    const { source, protocol } = entry(name);
    return [name, await source.missing?.(protocol)] as const;
  }),
);

/** A test that needs a server: without it, skipped in words. */
export function withServer(name: string, title: string, run: () => Promise<void>): void {
  const why = new Map(missing).get(name);
  test.skipIf(why !== undefined)(why === undefined ? title : `unsupported, ${why}: ${title}`, run, 60_000);
}

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

export async function started(
  name: string,
  change?: (command: string) => string,
  cpus?: readonly number[],
): Promise<ServerUnderTest> {
  const { source, protocol } = entry(name, change);
  const server = await source.start(protocol, cpus ? { cpus } : {});
  stops.push(() => server.stop());
  return server;
}

export async function connected(server: ServerUnderTest): Promise<RawClient> {
  const client = await connectRaw(server.url);
  stops.push(() => client.reset());
  return client;
}

/** A room on it: all messages are verified, as the bench does. */
export async function room(
  server: ServerUnderTest,
  protocol: string,
  { connections = 10, senders = 4, window = 16 } = {},
): Promise<Drive> {
  const { promises } = protocolOf(protocol);
  return openRoomDrive(
    {
      workload: "room",
      target: server.url,
      protocol,
      serverPids: server.pids(),
      connections,
      messageBytes: 64,
      tag: 2,
      epoch: now(),
      warmup: 0,
      duration: 0,
      load: { loop: "closed", senders, window },
      quietSeconds: promises.mayLose ? 0.5 : 5,
    },
    alone(() => {}),
  );
}
