/** A server of length-json.ts, as small as it gets: `bun examples/length-json-server.ts --port 9400`. */
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { port: { type: "string", default: "9400" } } });

/** What of a unit has come, and what the kernel has not taken yet. */
type Client = { unread: Buffer; unsent: Buffer; room: string };
type Socket = Bun.Socket<Client>;
const MAX_BYTES = 1_048_576;
const members = new Map<string, Set<Socket>>();

function write(socket: Socket, bytes: Buffer): void {
  const all = socket.data.unsent.length > 0 ? Buffer.concat([socket.data.unsent, bytes]) : bytes;
  const taken = Math.max(0, socket.write(all));
  socket.data.unsent = all.subarray(taken);
  if (socket.data.unsent.length > MAX_BYTES) socket.terminate(); // it does not read
}

function unitOf(object: object): Buffer {
  const json = Buffer.from(JSON.stringify(object));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json]);
}

function take(socket: Socket, { join, say, id, echo }: Record<string, string | number>): void {
  const { data } = socket;
  if (join !== undefined) {
    data.room = String(join);
    members.set(data.room, (members.get(data.room) ?? new Set()).add(socket));
    write(socket, unitOf({ joined: join }));
  } else if (say !== undefined) {
    const heard = unitOf({ heard: say });
    for (const other of members.get(data.room) ?? []) if (other !== socket) write(other, heard);
  } else if (echo !== undefined) write(socket, unitOf({ id, echo }));
}

const server = Bun.listen<Client>({
  hostname: "127.0.0.1",
  port: Number(values.port),
  socket: {
    open(socket) {
      socket.data = { unread: Buffer.alloc(0), unsent: Buffer.alloc(0), room: "" };
    },
    data(socket, chunk) {
      let unread = Buffer.concat([socket.data.unread, chunk]);
      while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE(0)) {
        const end = 4 + unread.readUInt32BE(0);
        take(socket, JSON.parse(unread.toString("utf8", 4, end)));
        unread = unread.subarray(end);
      }
      socket.data.unread = unread;
      if (unread.length > MAX_BYTES) socket.terminate();
    },
    drain: (socket) => write(socket, Buffer.alloc(0)),
    close: (socket) => void members.get(socket.data.room)?.delete(socket),
  },
});
console.log(JSON.stringify({ listening: `tcp://127.0.0.1:${server.port}` }));
