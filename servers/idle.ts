/** Connections from which nothing came for too long: one timer for all of them, not one for each. */

/** Calls `close` for each connection whose `lastHeard` (performance.now) is so many seconds ago; returns a stop. */
export function closeIdle<T>(
  connections: Iterable<T>,
  lastHeard: (connection: T) => number,
  seconds: number,
  close: (connection: T) => void,
): () => void {
  const sweep = () => {
    const limit = performance.now() - seconds * 1000;
    // A copy: closing one takes it out of the set.
    for (const connection of [...connections].filter((one) => lastHeard(one) < limit)) close(connection);
  };
  const timer = setInterval(sweep, Math.min(1000, seconds * 100));
  return () => clearInterval(timer);
}
