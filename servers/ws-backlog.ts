/**
 * What waits for peers of Bun.serve's WebSockets that do not read. Bun 1.4.5 bounds that for each of them, looks only
 * at what waited before a message, drops past it in silence, and bounds nothing for all of them together.
 */
import type { ServerWebSocket } from "bun";

/** How long Bun lets a closed WebSocket read what waits for it, and a little more. */
const CLOSING_SECONDS = 5;
const TOO_SLOW = [1008, "you read too slowly"] as const;

export type Backlog<T> = ReturnType<typeof createBacklog<T>>;

/**
 * @param each most bytes that wait for one peer; a message more than fits closes it with 1008
 * @param all most bytes that wait for all peers; past it the fullest are closed. Those that are being closed have as
 *   much again; past that they are reset
 */
export function createBacklog<T>(each: number, all: number) {
  const waiting = new Map<ServerWebSocket<T>, number>();
  let total = 0;
  let closing = 0;
  let closed = 0;

  /** Takes down what waits for it now. */
  function note(socket: ServerWebSocket<T>, bytes = socket.getBufferedAmount()): void {
    total += bytes - (waiting.get(socket) ?? 0);
    if (bytes > 0) waiting.set(socket, bytes);
    else waiting.delete(socket);
  }

  /** Bun still tries to send what waits for a closed socket, and tells nothing of it any more. */
  function close(socket: ServerWebSocket<T>): void {
    const bytes = waiting.get(socket) ?? 0;
    closed++;
    if (closing + bytes > all) return void socket.terminate();
    closing += bytes;
    setTimeout(() => {
      closing -= bytes;
    }, CLOSING_SECONDS * 1000).unref();
    socket.close(...TOO_SLOW);
  }

  function closeFullest(): void {
    while (total > all) {
      const [fullest] = [...waiting].reduce((most, one) => (one[1] > most[1] ? one : most));
      close(fullest);
      note(fullest, 0);
    }
  }

  return {
    /** Sends a message, or closes one that does not read. */
    send(socket: ServerWebSocket<T>, message: string | Buffer): void {
      const full = waiting.has(socket) && socket.getBufferedAmount() + Buffer.byteLength(message) > each;
      if (full) close(socket);
      else if (socket.send(message) < 0) {
        note(socket);
        closeFullest();
      }
    },
    drained: (socket: ServerWebSocket<T>) => note(socket),
    gone: (socket: ServerWebSocket<T>) => note(socket, 0),
    /** How many peers were closed. */
    closed: () => closed,
  };
}
