/** What is shipped is checked as a user's file is; and what real servers say besides is known for what it is. */
import { expect, test } from "bun:test";
import { checkProtocol } from "../check.ts";
import { ignore } from "../framing.ts";
import type { Protocol } from "../protocol.ts";
import { foreign } from "./index.ts";

const named = (name: string): Protocol => foreign.find((one) => one.name === name)!;

test.each(foreign.map((one) => [one.name, one] as const))("%s passes the check of definitions", (_, one) => {
  expect(checkProtocol(one)).toBeGreaterThan(20);
});

/** What a connection of a role answers to a unit: text, "ignored", or undefined for what is a fault. */
function told(name: string, unit: string, role: "member" | "publisher" = "member") {
  const bytes = Buffer.from(unit, "latin1");
  const { framing, react } = named(name);
  expect(framing.end(bytes, 0, bytes.length)).toBe(bytes.length);
  const answer = react(bytes, 0, bytes.length, role);
  return answer === ignore ? "ignored" : answer && Buffer.from(answer).toString("latin1");
}

test.each([
  ["nats", "PING\r\n", "PONG\r\n"],
  ["nats", "+OK\r\n", "ignored"],
  ["nats", 'INFO {"ldm":true}\r\n', "ignored"],
  ["nats", "-ERR 'Slow Consumer'\r\n", undefined],
  ["redis", ":199\r\n", "ignored"],
  ["redis/resp3", ":199\r\n", "ignored"],
  ["redis", "-OOM command not allowed\r\n", undefined],
  ["mqtt", "\xd0\x00", "ignored"],
  ["mqtt/qos1", "\x40\x02\x00\x07", "ignored"],
  ["stomp", "\n", "ignored"],
  ["stomp", "ERROR\nmessage:no\n\n\0", undefined],
])("%s: %j is answered with %j", (name, unit, answer) => {
  expect(told(name, unit)).toBe(answer);
});
