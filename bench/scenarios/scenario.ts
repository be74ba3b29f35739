/**
 * What a scenario is: a list of cells, each of which can be run once on one server and gives the parts of a
 * sample; and which figures its tables show. A new scenario is one file and one line in index.ts: tables, comparison
 * and report derive from the metrics of its samples.
 */
import type { Progress } from "../../clients/exchange.ts";
import type { BlockLoad } from "../../clients/workloads/blocks.ts";
import { allProtocols, type Protocol, type Transport } from "../../protocols/index.ts";
import { servers } from "../../servers/index.ts";
import type { ServerSource } from "../../targets/server.ts";
import type { Sample } from "../record/record.ts";
import type { Fleets } from "../run/fleets.ts";
import type { CellTable, DetailTable } from "./columns.ts";

/** What the command line can ask of every scenario; each takes what concerns it. */
export type BenchOptions = {
  quick: boolean;
  seed: number;
  exhaustive: boolean;
  /** Whether scenarios were asked for by name, so that more time may be taken. */
  named?: boolean;
  transport?: Transport;
  protocol?: string;
  loop?: "open" | "closed";
  connections?: number;
  /** Servers of other protocols stand beside: what the least of them keeps, `Promises.queueMessages`. */
  mixed?: { queueMessages: number };
  /** Messages or requests per second, over all connections. */
  rate?: number;
  /** Measured seconds of a sample. */
  duration?: number;
  warmup?: number;
  /** Closed loop: outstanding messages of each sender, or requests of each connection. */
  window?: number;
  senders?: number;
  /** Bytes of a message. */
  size?: number;
  /** Mebibytes of a file. */
  fileSize?: number;
};

export type SampleContext = {
  target: string;
  /** The processes from which the server's others descend; none where they are not known. */
  serverPids: readonly number[];
  fleets: Fleets;
  /** Different for each sample, so that a stray message of an earlier one is seen as such. */
  tag: number;
  onProgress: (progress: Progress) => void;
  /** Rejects when the sample cannot be finished. */
  broken: Promise<never>;
};

export type SampleParts = Pick<Sample, "counts" | "metrics" | "histograms" | "witnesses" | "wrong"> &
  Partial<Pick<Sample, "meters" | "detail">>;

export type Cell = {
  scenario: string;
  variant: string;
  protocol: string;
  parameters: Sample["parameters"];
  /** Whether more samples say more: a correctness check is run once. */
  repeats: boolean;
  /** One sample is enough when the command line does not ask for a number: it stands beside a fuller measurement. */
  secondary?: boolean;
  /** Its server writes files: one of ours gets a directory for each sample. */
  files?: true;
  /** A server of the bench's own that is measured for comparison, whichever servers were chosen. */
  reference?: ServerSource;
  run: (context: SampleContext) => Promise<SampleParts>;
  /** Where servers speak different protocols: the same in each one's own, by server. */
  own?: ReadonlyMap<string, Cell>;
  /** The same load in slices, so that several servers can be driven in turn: what a comparison takes instead. */
  blocks?: (tag: number) => BlockLoad;
};

export type Scenario = {
  name: string;
  summary: string;
  /** Whether it can be run on a protocol, by what that is capable of. */
  fits: (protocol: Protocol) => boolean;
  cells: (options: BenchOptions) => Cell[];
  /** Its tables in the terminal: which figures, by the keys of their metrics. */
  tables?: readonly CellTable[];
  /** Tables of what only its samples have to say, from their `detail`. */
  details?: (samples: readonly Sample[]) => DetailTable[];
};

/**
 * The protocols that fit a scenario and that the command line lets through; those first of their transport first. One for
 * which there is no server of ours is measured when it is named: else it would end each run that names none.
 */
export function protocolsFor(
  { fits }: Pick<Scenario, "fits">,
  { transport, protocol }: Pick<BenchOptions, "transport" | "protocol">,
): Protocol[] {
  const fitting = allProtocols().filter(
    (one) =>
      fits(one) &&
      (transport === undefined || one.transport === transport) &&
      (protocol === undefined ? one.name in servers : one.name === protocol),
  );
  return [...fitting.filter(({ primary }) => primary), ...fitting.filter(({ primary }) => !primary)];
}

/** The cell as a server is to be asked it. */
export const ownCell = (cell: Cell, { name }: Pick<ServerSource, "name">): Cell =>
  cell.own?.get(name) ?? cell;
/**
 * Whether a run is of everything there is: then it has a minute for all cells, and each cell less is more rounds of the
 * others, which is what decides (docs/comparing.md).
 */
export const isOverview = ({
  named,
  protocol,
  transport,
  loop,
  connections,
  rate,
  window,
}: BenchOptions): boolean =>
  !named && [protocol, transport, loop, connections, rate, window].every((asked) => asked === undefined);

/** A quick run of everything has time for the protocols that are first of their transport. */
export const isLeftOut = (secondary: boolean, options: BenchOptions): boolean =>
  secondary && options.quick && isOverview(options);

/** Whether there are connections, which can stand without a word. */
export const isStream = ({ transport }: Protocol): boolean => transport !== "udp";

/** Seconds of warm-up and of measuring, by how much of a hurry there is. */
export const times = (options: BenchOptions): { warmup: number; duration: number } => ({
  warmup: options.warmup ?? (options.quick ? 0.2 : 0.3),
  duration: options.duration ?? (options.quick ? 0.4 : 0.6),
});
