/**
 * All protocols, in the order in which they are listed. Scenarios, cases and servers take what fits them from here by
 * capability; a plan carries a name, and a fleet finds the protocol here again.
 */
import { chatProtocols } from "./chat.ts";
import { chatWs } from "./chat-ws.ts";
import { echo } from "./echo.ts";
import { file } from "./file.ts";
import type { Protocol, Transport } from "./protocol.ts";
import { relay } from "./relay.ts";
import { sumTcp, sumUdp, sumWs } from "./sum-client.ts";

export type { Protocol, Transport } from "./protocol.ts";

const registry = new Map<string, Protocol>();

/** Makes a protocol known by its name, which no other one may have but the same file's. */
export function addProtocol(protocol: Protocol): void {
  const known = registry.get(protocol.name);
  if (known && known !== protocol && known.module !== protocol.module)
    throw new Error(`there is a protocol "${protocol.name}" already`);
  registry.set(protocol.name, protocol);
}

/** Makes it unknown again. */
export const removeProtocol = (name: string): void => void registry.delete(name);

for (const protocol of [...chatProtocols, relay, chatWs, sumTcp, sumUdp, sumWs, echo, file])
  addProtocol(protocol);

export const allProtocols = (): Protocol[] => [...registry.values()];

/** The protocol of this name; undefined when there is none. */
export const findProtocol = (name: string): Protocol | undefined => registry.get(name);

/** The protocol of a name that has been checked. */
export function protocolOf(name: string): Protocol {
  const protocol = registry.get(name);
  if (!protocol)
    throw new Error(`unknown protocol "${name}": expected one of ${[...registry.keys()].join(", ")}`);
  return protocol;
}

/** What a protocol that has been checked to have it can do: its room, its requests. */
export function capabilityOf<K extends "room" | "dialect" | "requests" | "dialogue">(
  name: string,
  capability: K,
): NonNullable<Protocol[K]> {
  const found = protocolOf(name)[capability];
  if (!found) throw new Error(`${name} has no ${capability}`);
  return found;
}

/** What a target is taken for when no protocol is named. */
export const primaryOf = (transport: Transport): Protocol | undefined =>
  allProtocols().find((protocol) => protocol.primary && protocol.transport === transport);
