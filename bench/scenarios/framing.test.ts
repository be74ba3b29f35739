/** Framing accuses no server of being slow: what is late is waited for, and what never comes is told as just that. */
import { expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import { readEndpoint, running } from "../../targets/running.ts";
import { run } from "../run/run.ts";
import { framing } from "./framing.ts";
import type { BenchOptions } from "./scenario.ts";

const TIMEOUT_MS = 60_000;
const quick: BenchOptions = { quick: true, seed: 1, exhaustive: false, duration: 0.3, warmup: 0.1 };

type Client = { pings: number };

/** An echo server that answers after so long, and only some of the pings that come together. */
function startEcho(milliseconds: number, share: number): TCPSocketListener<Client> {
  const answer = (socket: Socket<Client>) => {
    const pongs = Math.ceil(socket.data.pings * share);
    socket.data.pings = 0;
    socket.write("pong\n".repeat(pongs));
  };
  return Bun.listen<Client>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open: (socket) => {
        socket.data = { pings: 0 };
      },
      data(socket, bytes) {
        if (socket.data.pings === 0) setTimeout(answer, milliseconds, socket);
        socket.data.pings += bytes.toString("latin1").split("\n").length - 1;
      },
      end: (socket) => void setTimeout(() => socket.end(), milliseconds + 50),
    },
  });
}

type Member = { address: string; rest: string; queue: string[]; turns: number; asleep: boolean };

/** A right chat/bracket room that pauses before every so manieth line to a member. */
function startRoom(milliseconds: number, every: number): TCPSocketListener<Member> {
  const members = new Set<Socket<Member>>();
  const flush = (socket: Socket<Member>) => {
    const { data } = socket;
    while (!data.asleep && data.queue.length > 0) {
      if (++data.turns % every === 0) {
        data.asleep = true;
        setTimeout(() => {
          data.asleep = false;
          flush(socket);
        }, milliseconds);
      } else {
        const line = data.queue.shift()!;
        const rest = line.slice(socket.write(Buffer.from(line, "latin1")));
        if (rest === "") continue;
        data.turns--;
        data.queue.unshift(rest);
        return;
      }
    }
  };
  return Bun.listen<Member>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        const address = `${socket.remoteAddress}:${socket.remotePort}`;
        socket.data = { address, rest: "", queue: [], turns: 0, asleep: false };
        members.add(socket);
      },
      data(socket, bytes) {
        const lines = (socket.data.rest + bytes.toString("latin1")).split("\n");
        socket.data.rest = lines.pop() ?? "";
        for (const line of lines)
          for (const other of members)
            if (other !== socket) other.data.queue.push(`[${socket.data.address}]: ${line}\n`);
        for (const member of members) flush(member);
      },
      drain: flush,
      close: (socket) => void members.delete(socket),
    },
  });
}

async function frame(server: TCPSocketListener<Client> | TCPSocketListener<Member>, protocol = "echo") {
  try {
    const { record } = await run({
      cells: framing.cells({ ...quick, protocol }),
      sources: [running("target", readEndpoint("here", `tcp://127.0.0.1:${server.port}`))],
      samples: 1,
      maxSamples: 1,
      fleets: 1,
      command: [],
      interrupted: new Promise(() => {}),
    });
    const [{ counts, wrong, invalid }] = record.samples;
    return { counts, kinds: wrong.map(({ kind }) => kind), rules: invalid.map(({ rule }) => rule) };
  } finally {
    server.stop(true);
  }
}

test(
  "a server that takes longer than a second for each reply is right",
  async () => {
    const { counts, kinds } = await frame(startEcho(1100, 1));
    expect(kinds).toEqual([]);
    expect(counts).toMatchObject({ lost: 0, undelivered: 0 });
  },
  TIMEOUT_MS,
);

test(
  "what has not come when the server has answered all and ended is lost",
  async () => {
    const { counts, kinds } = await frame(startEcho(20, 0.5));
    expect(kinds).toContain("lost");
    expect(counts).toMatchObject({ undelivered: 0 });
  },
  TIMEOUT_MS,
);

test(
  "a room that pauses for longer than a second is right",
  async () => {
    const { counts, kinds } = await frame(startRoom(1200, 400), "chat/bracket");
    expect(kinds).toEqual([]);
    expect(counts).toMatchObject({ lost: 0, duplicated: 0, undelivered: 0 });
  },
  TIMEOUT_MS,
);
