/** Ping: one connection, one request at a time, so that a round trip is nothing but itself. */
import { lost } from "./columns.ts";
import { protocolsFor, type Scenario } from "./scenario.ts";
import { sumCell } from "./sum.ts";

export const ping: Scenario = {
  name: "ping",
  summary: "one request at a time: how long each takes",
  fits: ({ requests }) => requests !== undefined,
  tables: [{ title: "ping", columns: ["roundTrip.p50", "roundTrip.p99", "serverCpuPerRequest", lost] }],
  cells: (options) =>
    protocolsFor(ping, options).map(({ name, primary }) => {
      const cell = sumCell(name, { loop: "closed", depth: 1 }, { ...options, connections: 1 });
      return { ...cell, scenario: "ping", variant: `${name} 1`, secondary: !primary };
    }),
};
