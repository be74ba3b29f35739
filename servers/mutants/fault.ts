/**
 * What a mutant is: a plain server that is right, of which one thing is changed. The server is an object of the few
 * decisions that it takes, and calls its own functions through it; a fault replaces some of them.
 */
import type { Command } from "commander";

/**
 * Numbers of cases, `1.1-4 2.7` for 1.1 to 1.4 and 2.7: of the one protocol whose servers can have the fault, or by
 * the first part of the ids of a protocol's cases.
 */
export type Proof = string | Readonly<Record<string, string>>;

/** What is known of a fault without having it. */
export type FaultSheet = {
  /** What is wrong, in a sentence. */
  words: string;
  /** Exactly the cases that it makes fail, found by running it and read by eye. */
  fails?: Proof;
  /**
   * It has to be a process of its own, and is asked those cases alone: it ends, spins, reads its standard input, or
   * ends connections after a time that other cases may take on a busy machine.
   */
  process?: true;
};

export type Fault<Server> = FaultSheet & {
  /** What it does instead; `right` is the server as it was. Called once a start: what it remembers is that server's. */
  change: (right: Server) => Partial<Server>;
};

export type Faults<Server> = Readonly<Record<string, Fault<Server>>>;

/** Has a server do something instead of what it does, in place. */
export const changed = <Server extends object>(
  server: Server,
  change: Fault<NoInfer<Server>>["change"],
): Server => Object.assign(server, change({ ...server }));

/** The change that makes a right server wrong; `none` leaves it as it is. */
export const changeOf = <Server>(faults: Faults<Server>, name: string): Fault<Server>["change"] =>
  faults[name]?.change ?? (() => ({}));

export const withFault = <Server extends object>(
  server: Server,
  faults: Faults<NoInfer<Server>>,
  name: string,
): Server => changed(server, changeOf(faults, name));

/** The flag that chooses the fault. */
export const addFaultOption = (program: Command, faults: Readonly<Record<string, unknown>>): Command =>
  program.addOption(
    program
      .createOption("--fault <name>", "what is wrong")
      .choices(["none", ...Object.keys(faults)])
      .default("none"),
  );

/** Rules without some of them. */
export const without = <Rule>(
  rules: Readonly<Record<string, Rule>>,
  ...names: string[]
): Readonly<Record<string, Rule>> =>
  Object.fromEntries(Object.entries(rules).filter(([name]) => !names.includes(name)));
