/** What a case is given: the target's address, peers that log what they do, and the server's times. */
import { cpuTime } from "../platform/clock.ts";
import { createKey, type HttpHead, handshakeRequest, readHead, statusOf } from "../protocols/websocket.ts";
import { firstOf } from "./expect.ts";
import { connectTcp, openUdp, sleep, type TcpPeer, type UdpPeer, until } from "./peer.ts";
import type { Target } from "./target.ts";
import type { TimeName } from "./times.ts";
import { Unsupported, Violation } from "./violation.ts";
import { createWireLog, show, type WireLog } from "./wire-log.ts";
import { overTcp, type WsPeer } from "./ws-peer.ts";

/** How long a server is watched to tell whether it is at rest. */
const REST_MS = 300;
/** From word to word on a connection that is kept busy. */
const BUSY_MS = 250;

export type WsOptions = {
  path?: string;
  /** Header fields to add, to replace, or (undefined) to leave out. */
  fields?: Record<string, string | undefined>;
};

export type Context = {
  readonly target: Target;
  readonly log: WireLog;
  /** Maximum milliseconds that an expectation waits. */
  readonly timeout: number;
  /** All peers, in the order in which they were opened; the first is the subject. */
  readonly peers: (TcpPeer | UdpPeer)[];
  readonly sockets: WsPeer[];
  readonly facts: string[];
  /** The case has been judged: one that ran out of its time opens nothing more. */
  over: boolean;
  tcp: (name: string, receiveBuffer?: number) => Promise<TcpPeer>;
  udp: (name: string) => Promise<UdpPeer>;
  /** A WebSocket whose handshake is done; a Violation when it is refused. */
  ws: (name: string, options?: WsOptions) => Promise<WsPeer>;
  /** One of the server's times in milliseconds. */
  time: (name: TimeName) => number;
  /** Does this again and again, a few times a second, for as long as a connection is to be kept (`life`). */
  keepBusy: (step: (i: number) => Promise<void>) => Promise<void>;
  /** The server uses no CPU time to speak of while nobody asks anything. */
  atRest: () => Promise<void>;
  /** Says what a FACT found. */
  found: (text: string) => void;
};

export function createContext(target: Target, timeout: number): Context {
  const log = createWireLog();
  const options = (name: string) => ({ name, at: target, log, timeout });
  const enter = <T extends TcpPeer | UdpPeer>(peer: T): T => {
    context.peers.push(peer);
    if (!context.over) return peer;
    peer.close();
    throw new Violation("the case ends in time", "it has run out of it");
  };
  const context: Context = {
    target,
    log,
    timeout,
    peers: [],
    sockets: [],
    facts: [],
    over: false,
    tcp: async (name, receiveBuffer) =>
      enter(await connectTcp({ ...options(name), ...(receiveBuffer ? { receiveBuffer } : {}) })),
    udp: async (name) => enter(await openUdp(options(name))),
    async ws(name, { path = target.path, fields = {} } = {}) {
      const peer = await context.tcp(name);
      peer.send(handshakeRequest(`${target.hostname}:${target.port}`, path, createKey(randomKey()), fields));
      const head = await responseHead(peer);
      if (statusOf(head) !== 101)
        throw new Violation(
          `the handshake at ${path} is answered with status 101`,
          `came "${head.firstLine}"`,
        );
      const socket = overTcp(peer);
      context.sockets.push(socket);
      return socket;
    },
    time(name) {
      const seconds = target.times[name];
      if (seconds === undefined)
        throw new Unsupported(
          `it takes the server's ${name} time: give its seconds with --time ${name}=<seconds>`,
        );
      return seconds * 1000;
    },
    async keepBusy(step) {
      const end = performance.now() + context.time("life");
      for (let i = 0; performance.now() < end && !context.over; i++) {
        await step(i);
        await sleep(BUSY_MS);
      }
    },
    async atRest() {
      const used = () => {
        const pids = target.pids?.() ?? [target.pid];
        const times = pids.flatMap((pid) => (pid === undefined ? [] : (cpuTime(pid) ?? [])));
        return times.length === 0 ? undefined : times.reduce((sum, time) => sum + time);
      };
      const before = used();
      if (before === undefined) throw new Unsupported("the server's CPU time cannot be read");
      await sleep(REST_MS);
      const share = ((used() ?? before) - before) / 1e6 / REST_MS;
      if (share > 0.15)
        throw new Violation(
          "a server at rest",
          `it uses ${Math.round(share * 100)} % of a core with nothing to do`,
        );
    },
    found: (text) => void context.facts.push(text),
  };
  return context;
}

export const randomKey = (): Uint8Array => crypto.getRandomValues(new Uint8Array(16));

/** The head of an HTTP response is longer than this in no honest server. */
const MAX_HEAD_BYTES = 65_536;

/** The head of the response to a handshake. */
export async function responseHead(peer: TcpPeer): Promise<HttpHead> {
  const end = firstOf(peer, "\r\n\r\n");
  const tooLong = () => end() < 0 && peer.unread().length > MAX_HEAD_BYTES;
  await until(peer, peer.timeout, () => end() >= 0 || tooLong() || peer.ended !== "open");
  const head = end() < 0 ? undefined : readHead(peer.unread());
  if (head) {
    peer.take(head.end);
    return head;
  }
  throw new Violation(
    `${peer.name} receives the head of an HTTP response`,
    peer.unread().length > 0
      ? `came ${show(peer.unread())}`
      : peer.ended === "open"
        ? `nothing came within ${peer.timeout} ms`
        : "the connection ended without one",
  );
}
