/**
 * The idle workload: opens many connections, says nothing on any of them, and reads what memory they take on
 * both sides. A first few are opened before the first reading, so that what the server makes once (code,
 * tables, buffers that all share) is not counted to the rest. Where a limit stops it, the limit is named.
 */
import { now } from "../../platform/clock.ts";
import { serverMemory } from "../../platform/meter.ts";
import { memory } from "../../platform/proc.ts";
import { protocolOf } from "../../protocols/index.ts";
import { plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { fileTables, SPARE_FILES } from "../full-table.ts";
import { joining, topicOf } from "../joining.ts";
import { type Member, type MemberHandlers, openAsMany } from "../members.ts";
import { Unreachable } from "../unreachable.ts";

export type IdlePlan = {
  workload: "idle";
  target: string;
  protocol: string;
  serverPids: readonly number[];
  /** Over all fleets, and how many of them are opened before the first reading. */
  connections: number;
  warm: number;
  settleSeconds: number;
};

/** Resident memory in bytes, where it can be read. */
export type Readings = { before: number; after: number };

export type IdleReport = {
  workload: "idle";
  /** Connections that stand, and those of them that were opened between the readings. */
  open: number;
  counted: number;
  connectionsLost: { count: number; reason: string };
  /** What kept this fleet from opening the rest, in words. */
  limit?: string;
  server?: Readings;
  fleet?: Readings;
};

/** A server that has taken no connection for so long takes no more of them: another process may hold them. */
const STALLED_MS = 1000;
const POLL_MS = 20;

export async function runIdle(plan: IdlePlan, exchange: Exchange): Promise<IdleReport> {
  const target = plannedEndpoint(plan);
  const pids = exchange.fleet === 0 ? plan.serverPids : [];
  const mine = (all: number) => Math.ceil((all - exchange.fleet) / exchange.fleets);
  const members: Member[] = [];
  const lost = { count: 0, reason: "" };
  const enter = joining({
    protocol: protocolOf(plan.protocol),
    topic: topicOf(0, now()),
    role: "member",
    number: (index) => index * exchange.fleets + exchange.fleet,
    speaks: () => false,
  });
  let limit: string | undefined;

  async function open(count: number): Promise<void> {
    if (limit !== undefined) return;
    const handlers: MemberHandlers = {
      onBytes: () => {},
      onLost(_, reason) {
        lost.count++;
        lost.reason = reason;
      },
    };
    const before = members.length;
    const got = await openAsMany(target, count, handlers, (target, index, handlers) =>
      enter(target, before + index, handlers),
    );
    members.push(...got.members);
    exchange.progress({ sent: 0, delivered: members.length });
    if (got.limit === undefined) return;
    limit = got.limit;
    // Reading /proc takes a descriptor, of which there may be none left.
    for (const member of members.splice(-SPARE_FILES)) member.reset();
  }

  const settle = () => Bun.sleep(plan.settleSeconds * 1000);
  try {
    await open(mine(plan.warm));
    if (members.length === 0 && mine(plan.warm) > 0) throw new Unreachable(limit);
    await settle();
    const before = readMemory(pids);
    const warm = members.length;
    await exchange.ready({ prefixes: [] });
    await open(mine(plan.connections) - warm);
    const full = await fullServer(plan.serverPids, members.length);
    const stopped = full ?? limit;
    // Not before every fleet has opened its own.
    await exchange.sent(Int32Array.of(members.length));
    await settle();
    const after = readMemory(pids);
    return {
      workload: "idle",
      open: members.length - lost.count,
      // How many of them a full server serves is not known here.
      counted: full === undefined ? members.length - warm : 0,
      connectionsLost: lost,
      ...(stopped === undefined ? {} : { limit: stopped }),
      ...joined("server", before.server, after.server),
      ...joined("fleet", before.fleet, after.fleet),
    };
  } finally {
    for (const member of members) member.reset();
  }
}

function readMemory(server: readonly number[]) {
  Bun.gc(true);
  return { server: serverMemory(server)?.now, fleet: memory(process.pid)?.now };
}

const joined = <K extends "server" | "fleet">(
  name: K,
  before: number | undefined,
  after: number | undefined,
): { [key in K]?: Readings } =>
  before === undefined || after === undefined
    ? {}
    : ({ [name]: { before, after } } as { [key in K]: Readings });

/** Why the server took not all: it is given time for as long as it goes on taking some. */
async function fullServer(server: readonly number[], connections: number): Promise<string | undefined> {
  let taken = 0;
  let stalled = 0;
  while (stalled < STALLED_MS) {
    const tables = fileTables(server);
    if (!tables || tables.full !== undefined) return tables?.full;
    if (tables.open >= connections) return undefined;
    stalled = tables.open > taken ? 0 : stalled + POLL_MS;
    taken = tables.open;
    await Bun.sleep(POLL_MS);
  }
  return undefined;
}
