/** The scenarios that there are, in the order in which they run and are printed. */
import { coalesce } from "./coalesce.ts";
import { connect } from "./connect.ts";
import { fanout } from "./fanout.ts";
import { framing } from "./framing.ts";
import { idle } from "./idle.ts";
import type { Scenario } from "./scenario.ts";
import { sum } from "./sum.ts";
import { transfer } from "./transfer.ts";
import { truncate } from "./truncate.ts";

export const scenarios: readonly Scenario[] = [
  framing,
  coalesce,
  truncate,
  fanout,
  sum,
  transfer,
  connect,
  idle,
];
