/** The way of a byte stream: a connection to the target for each that comes, and a lane for either direction. */
import type { Socket } from "bun";
import { dial } from "../clients/dial.ts";
import type { Endpoint } from "../clients/endpoint.ts";
import { createOutbox, discard, flush, pending, send } from "../platform/outbox.ts";
import { listenTcp } from "../servers/listen.ts";
import { createSchedule, type Impairments, pieceBytes } from "./impairments.ts";
import { createLane } from "./lane.ts";
import type { Way, WayOptions } from "./proxy.ts";

/** Of one direction of one connection: with more under way its source is not read. */
const MOST_UNDER_WAY_BYTES = 4 * 1024 * 1024;

type Side = { socket: Socket<unknown> | undefined; paused: boolean };

/** One direction: bytes of `from` go on to `to`. */
type Pipe = {
  receive: (chunk: Buffer) => void;
  /** The source has sent FIN; it goes on in its turn. */
  end: () => void;
  /** The destination takes bytes again. */
  drain: () => void;
  close: () => void;
};

type PipeOptions = {
  from: Side;
  to: Side;
  way: Impairments;
  random: () => number;
  begun: number;
  /** So many bytes have gone on. */
  onPassed: (bytes: number) => void;
  onReset: () => void;
};

function createPipe({ from, to, way, random, begun, onPassed, onReset }: PipeOptions): Pipe {
  const schedule = createSchedule(way, random, begun, true);
  const lane = createLane();
  const longest = pieceBytes(way);
  const outbox = createOutbox(Number.POSITIVE_INFINITY);
  /** Received, and not given to the destination yet. */
  let underWay = 0;
  let left = way.resetAfter ?? Number.POSITIVE_INFINITY;
  let ended = false;

  const finish = () => {
    if (ended && underWay === 0 && pending(outbox) === 0) to.socket?.shutdown();
  };
  const regulate = () => {
    const full = underWay + pending(outbox) > MOST_UNDER_WAY_BYTES;
    if (full === from.paused) return;
    from.paused = full;
    if (full) from.socket?.pause();
    else from.socket?.resume();
  };
  const pass = (piece: Buffer) => {
    underWay -= piece.length;
    onPassed(piece.length);
    if (to.socket) send(outbox, to.socket, piece);
    left -= piece.length;
    if (left === 0) onReset();
    regulate();
    finish();
  };
  return {
    receive(chunk) {
      const now = performance.now();
      for (let at = 0; at < chunk.length; ) {
        const until = Math.min(chunk.length, at + longest, at + left - underWay);
        if (until <= at) break; // behind the reset
        const piece = chunk.subarray(at, until);
        underWay += piece.length;
        const due = schedule(now, piece.length);
        if (due <= now && lane.length === 0) pass(piece);
        else lane.push(due, () => pass(piece));
        at = until;
      }
      regulate();
    },
    end() {
      lane.push(schedule(performance.now(), 0), () => {
        ended = true;
        finish();
      });
    },
    drain() {
      if (to.socket) flush(outbox, to.socket);
      regulate();
      finish();
    },
    close() {
      lane.close();
      discard(outbox);
    },
  };
}

type Connection = {
  client: Side;
  server: Side;
  up: Pipe;
  down: Pipe;
  /** Sides that have sent FIN or are closed without an error. */
  ends: Set<Side>;
};

export function openStreamWay(options: WayOptions): Way {
  const { host, port, target, up, down, random, counters } = options;
  const begun = performance.now();
  const connections = new Set<Connection>();

  const drop = (connection: Connection) => {
    if (!connections.delete(connection)) return;
    connection.up.close();
    connection.down.close();
    connection.client.socket?.terminate();
    connection.server.socket?.terminate();
  };
  /** FIN: what is under way still arrives; the connection is over once both sides have ended. */
  const end = (connection: Connection, side: Side) => {
    if (connection.ends.has(side)) return;
    connection.ends.add(side);
    (side === connection.client ? connection.up : connection.down).end();
  };
  const gone = (connection: Connection, side: Side, error?: Error) => {
    if (!connections.has(connection)) return;
    if (error) {
      counters.resets++;
      return drop(connection);
    }
    end(connection, side);
    side.socket = undefined;
    if (!connection.client.socket && !connection.server.socket) drop(connection);
  };
  const open = (socket: Socket<Connection>): void => {
    const client: Side = { socket, paused: false };
    const server: Side = { socket: undefined, paused: false };
    const onReset = () => {
      counters.resets++;
      drop(connection);
    };
    const shared = { random, begun, onReset };
    const connection: Connection = {
      client,
      server,
      ends: new Set(),
      up: createPipe({ ...shared, from: client, to: server, way: up, onPassed: (n) => (counters.up += n) }),
      down: createPipe({
        ...shared,
        from: server,
        to: client,
        way: down,
        onPassed: (n) => (counters.down += n),
      }),
    };
    socket.data = connection;
    connections.add(connection);
    counters.connections++;
    // Nothing is read before there is somewhere for it to go.
    socket.pause();
    reach(target, connection);
  };
  const reach = async (target: Endpoint, connection: Connection) => {
    try {
      const socket = await dial(
        target,
        {
          data: (_, chunk) => connection.down.receive(chunk),
          drain: () => connection.up.drain(),
          end: () => end(connection, connection.server),
          close: (_, error) => gone(connection, connection.server, error),
          error: (_, error) => gone(connection, connection.server, error),
        },
        { allowHalfOpen: true },
      );
      connection.server.socket = socket;
      if (!connections.has(connection)) return void socket.terminate();
      connection.client.socket?.resume();
    } catch {
      counters.unreachable++;
      drop(connection);
    }
  };
  const listener = listenTcp<Connection>(
    { host, port },
    {
      open,
      data: (connection, chunk) => connection.up.receive(chunk),
      drain: (connection) => connection.down.drain(),
      end: (connection) => end(connection, connection.client),
      close: (connection, error) => gone(connection, connection.client, error),
    },
  );
  return {
    port: listener.port,
    stop() {
      for (const connection of [...connections]) drop(connection);
      listener.stop();
    },
  };
}
