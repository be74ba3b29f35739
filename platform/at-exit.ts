/**
 * What must be undone however this program ends: processes that it started, CPUs that it took from another. Done at
 * `exit`, and on a signal that nothing else here handles; only SIGKILL prevents it.
 */
import { constants } from "node:os";
import { ignoresSignal } from "./proc.ts";

const undone = new Set<() => void>();

/** Signals that ask this program to end, except those that it was started to ignore, as with nohup(1). */
export const endSignals = (["SIGINT", "SIGTERM", "SIGHUP"] as const).filter(
  (signal) => !ignoresSignal("self", constants.signals[signal]),
);

/** Calls `undo`, which must be synchronous, when the program ends; returns a function that cancels this. */
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

/** Another handler decides what the signal means; `exit` follows if it ends the program. */
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
