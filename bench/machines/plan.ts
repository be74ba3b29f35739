/**
 * What an agent takes for a plan. A plan says whom to load, and how; nothing in it may start a program or name a file of
 * this machine: what could is refused, or put here by the agent itself.
 */
import { parseEndpoint } from "../../clients/endpoint.ts";
import type { Plan } from "../../clients/workloads/index.ts";
import { fileLimit } from "../../platform/proc.ts";
import { findProtocol } from "../../protocols/index.ts";

/** Workloads that need nothing of the bench's machine but words. Rounds of several servers do: they pin and pause. */
const WORKLOADS = [
  "room",
  "sum",
  "dialogue",
  "framing",
  "coalesce",
  "truncate",
  "connect",
  "idle",
  "transfer",
];
/** Files that a fleet has open besides its connections. */
const OTHER_FILES = 64;

export type Checked = { plan: Plan } | { no: string };

/** @param fleets over which the plan is spread @param serverPids of the target, where it stands beside this agent */
export function checkPlan(
  plan: unknown,
  { fleets, serverPids }: { fleets: number; serverPids: (target: string) => readonly number[] },
): Checked {
  if (typeof plan !== "object" || plan === null) return { no: "a plan that is none" };
  const { workload, target, protocol, connections, trust } = plan as Record<string, unknown>;
  if (!WORKLOADS.includes(String(workload))) return { no: `no agent runs ${String(workload).slice(0, 40)}` };
  const endpoint = typeof target === "string" ? parseEndpoint(target) : undefined;
  if (!endpoint) return { no: `${String(target).slice(0, 100)} is no target` };
  if (endpoint.unix !== undefined) return { no: `${endpoint.url} is a file of one machine` };
  if (typeof trust === "object" && trust !== null && "ca" in trust)
    return { no: "--ca names a file of the bench's machine; agents take --insecure, or known authorities" };
  const known = findProtocol(String(protocol));
  if (!known) return { no: `no protocol ${String(protocol).slice(0, 40)}; start the agent with --protocol` };
  const each = Math.ceil(Number(connections ?? 0) / fleets);
  const files = fileLimit()?.soft ?? Number.POSITIVE_INFINITY;
  if (each + OTHER_FILES > files)
    return {
      no: `this plan is too large: ${each} connections for each fleet, and one may open ${files} files here (ulimit -n)`,
    };
  const { module: _, ...rest } = plan as Record<string, unknown>;
  return {
    plan: {
      ...rest,
      serverPids: serverPids(endpoint.url),
      // Of an agent's own copy, which was compared by its hash.
      ...(known.module === undefined ? {} : { module: known.module }),
    } as unknown as Plan,
  };
}
