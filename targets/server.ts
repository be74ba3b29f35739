/**
 * A server under test: how it is had (a source) and what is had (a started one). The bench, conformance and the tests
 * all take servers by this, whether they are ours, a command's, in this process, or run already.
 */
import type { Endpoint } from "../clients/endpoint.ts";
import type { Console } from "./started.ts";

/** One that answers, and where. */
export type ServerUnderTest = Endpoint & {
  /** Its processes now, or those from which the others descend; none where they cannot be seen from here. */
  pids: () => readonly number[];
  /** The one of them that answers, where that is known. */
  pid?: number;
  /** Whether it runs on the CPUs that it was given. */
  pinned: boolean;
  /** Rejects when the server ends while it should serve. */
  broken: Promise<never>;
  /** Whether its first process lives; of one that runs already it is not known, and taken for granted. */
  alive: () => boolean;
  /** How it ended though nobody stopped it, and what it wrote before; undefined while it lives. */
  lastWords: () => Promise<string | undefined>;
  /** How often another process has taken its place at the port since it was found. */
  restarts: () => number;
  /** Its standard input, where it was asked for. */
  console?: Console;
  /** Where a file server puts its files, where it was given a directory. */
  directory?: string;
  /** Stops all of its processes (SIGSTOP) until `resume`; throws where they are not to be seen, or our own. */
  pause: () => void;
  resume: () => void;
  /** Ends it, unless it ran already; resolves with what it says that it dropped, refused or evicted. */
  stop: () => Promise<Record<string, number>>;
};

export type StartOptions = {
  /** For a program of this project; a server that the user gave has its own. */
  flags?: readonly string[];
  /** The CPUs on which it is to run; without them it may run on all. */
  cpus?: readonly number[] | undefined;
  /** Its standard input is ours to write. */
  console?: boolean;
  /**
   * Bytes that its environment has on top of ours: where stacks and heaps begin depends on it, and with it the speed
   * (Mytkowicz et al. 2009), so that comparisons vary it.
   */
  padding?: number;
  /** It writes files: a program of this project gets a directory, which goes with it. */
  directory?: boolean;
  /** The path of a WebSocket handshake, where it is not the protocol's own. */
  path?: string;
  /** It is there once it takes a connection, without a handshake: whether that is right is to be found out. */
  bare?: boolean;
};

/**
 * How servers are had.
 * - `program`: of this project, each start another process; it takes our flags.
 * - `in process`: the same within this process, which costs nothing: for tests.
 * - `command`: the user's, each start another process at another port.
 * - `at an address`: the user's command, of which there can be but one at a time.
 * - `running`: it runs already, and cannot be started.
 * - `by an agent`: on another machine, by its name there.
 */
export type SourceKind = "program" | "in process" | "command" | "at an address" | "running" | "by an agent";

/** A way to have a server: a value, which does nothing until it is asked to start one. */
export type ServerSource = {
  name: string;
  kind: SourceKind;
  /** Where it will answer, where that is known before it is started. */
  endpoint?: Endpoint;
  /** What it speaks, where targets.json says it: the first parts of the ids of its cases. */
  speaks?: readonly string[];
  /** The protocols that there is one for, where they are known without asking; else it takes what it is asked for. */
  protocols?: readonly string[];
  /** Why it has no server for a protocol; undefined when it has one, or takes what it is asked for. */
  missing?: (protocol: string) => Promise<string | undefined>;
  start: (protocol: string, options?: StartOptions) => Promise<ServerUnderTest>;
};

/** The user's own: it speaks one protocol, and we have no say in its flags. */
export const isThirdParty = ({ kind }: ServerSource): boolean => kind !== "program" && kind !== "in process";

/** What is said of a server whose processes cannot be seen, or of which there are none. */
export const unseen = () => ({
  pids: () => [],
  pinned: false,
  broken: new Promise<never>(() => {}),
  alive: () => true,
  lastWords: async () => undefined,
  restarts: () => 0,
});
