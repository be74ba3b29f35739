/**
 * What must be undone however this program ends: processes that it started, CPUs that it took from another. Done at
 * `exit`, and at a signal to which nobody else here listens; only SIGKILL leaves it undone.
 */
import { constants } from "node:os";
import { ignoresSignal } from "./proc.ts";

const undone = new Set<() => void>();

/** Signals that ask this program to end: not one that it was started to ignore, as nohup(1) has it. */
export const endSignals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).filter(
  (signal) => !ignoresSignal("self", constants.signals[signal]),
);

/** Calls `undo`, which must not wait for anything, when the program ends; returns what takes it back. */
export function atExit(undo: () => void): () => void {
  if (undone.size === 0) listen();
  undone.add(undo);
  return () => {
    undone.delete(undo);
    if (undone.size === 0) silence();
  };
}

function undoAll(): void {
  for (const undo of [...undone].reverse()) undo();
  undone.clear();
}

/** Whoever listens too decides what the signal means, and `exit` is what we hear of it. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  undoAll();
  silence();
  process.kill(process.pid, signal);
}

function listen(): void {
  process.on("exit", undoAll);
  for (const signal of endSignals) process.on(signal, onSignal);
}

function silence(): void {
  process.off("exit", undoAll);
  for (const signal of endSignals) process.off(signal, onSignal);
}
