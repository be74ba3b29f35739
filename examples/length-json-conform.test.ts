/** A server is held against length-json.ts: does it what the protocol promises, and does it lose anything under load? */
import { expect, test } from "bun:test";
import { bench, conform } from "sockbench";

const protocol = `${import.meta.dir}/length-json.ts`;
/** How your server is started, here the one beside this file: {port} stands for a free port. */
const server = `mine='${process.execPath}' '${import.meta.dir}/length-json-server.ts' --port {port}`;

test("the server does what the protocol promises", async () => {
  const { results } = await conform({ protocol, server });
  const wrong = results.filter(({ verdict }) => verdict === "fail" || verdict === "error");
  expect(wrong.map(({ id, expected, actual }) => `${id}: expected ${expected}, but ${actual}`)).toEqual([]);
}, 120_000);

test("it loses and changes nothing under load", async () => {
  const load = { connections: 10, loop: "closed", duration: 0.5, warmup: 0.2 } as const;
  const { samples } = await bench("fanout", { protocol, servers: [server], ...load });
  expect(samples.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(samples[0].counts.delivered).toBeGreaterThan(0);
}, 60_000);
