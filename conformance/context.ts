/** What a case is given: the target's address, peers that log what they do, and the server's timeouts. */
import { cpuTime } from "../platform/clock.ts";
import { createKey, type HttpHead, handshakeRequest, readHead, statusOf } from "../protocols/websocket.ts";
import { firstOf } from "./expect.ts";
import { connectTcp, openUdp, sleep, type TcpPeer, type UdpPeer, until } from "./peer.ts";
import type { Target } from "./servers-of.ts";
import type { TimeName } from "./times.ts";
import { Unsupported, Violation } from "./violation.ts";
import { createWireLog, show, type WireLog } from "./wire-log.ts";
import { overTcp, type WsPeer } from "./ws-peer.ts";

/** How long the CPU use of an idle server is measured. */
const REST_MS = 300;
/** From step to step on a connection that is kept busy. */
const BUSY_MS = 250;

export type WsOptions = {
  path?: string;
  /** Header fields to add, to replace, or (undefined) to leave out. */
  fields?: Record<string, string | undefined>;
  receiveBuffer?: number;
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
  /** The case has been judged: one that timed out opens nothing more. */
  over: boolean;
  tcp: (name: string, receiveBuffer?: number) => Promise<TcpPeer>;
  udp: (name: string) => Promise<UdpPeer>;
  /** A WebSocket whose handshake is done; a Violation when it is rejected. */
  ws: (name: string, options?: WsOptions) => Promise<WsPeer>;
  /** One of the server's timeouts, in milliseconds. */
  time: (name: TimeName) => number;
  /** Repeats a step a few times per second, for as long as a connection is to be kept (`life`). */
  keepBusy: (step: (i: number) => Promise<void>) => Promise<void>;
  /** Checks that the server uses hardly any CPU time while idle. */
  atRest: () => Promise<void>;
  /** Reports what a FACT found. */
  found: (text: string) => void;
};

export function createContext(target: Target, timeout: number): Context {
  const log = createWireLog();
  const options = (name: string) => ({ name, at: target, log, timeout });
  const enter = <T extends TcpPeer | UdpPeer>(peer: T): T => {
    context.peers.push(peer);
    if (!context.over) return peer;
    peer.close();
    throw new Violation("the case ends in time", "it timed out");
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
    async ws(name, { path = target.path, fields = {}, receiveBuffer } = {}) {
      const peer = await context.tcp(name, receiveBuffer);
      peer.send(handshakeRequest(`${target.hostname}:${target.port}`, path, createKey(randomKey()), fields));
      const head = await responseHead(peer);
      if (statusOf(head) !== 101)
        throw new Violation(`status 101 for the handshake at ${path}`, `received "${head.firstLine}"`);
      const socket = overTcp(peer);
      context.sockets.push(socket);
      return socket;
    },
    time(name) {
      const seconds = target.times[name];
      if (seconds === undefined)
        throw new Unsupported(`the ${name} time is unknown: give it with --time ${name}=<seconds>`);
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
        const times = target.pids().flatMap((pid) => cpuTime(pid) ?? []);
        return times.length === 0 ? undefined : times.reduce((sum, time) => sum + time);
      };
      const before = used();
      if (before === undefined) throw new Unsupported("the server's CPU time cannot be read");
      await sleep(REST_MS);
      const share = ((used() ?? before) - before) / 1e6 / REST_MS;
      if (share > 0.15)
        throw new Violation(
          "no CPU use while idle",
          `${Math.round(share * 100)} % of a core used while idle`,
        );
    },
    found: (text) => void context.facts.push(text),
  };
  return context;
}

export const randomKey = (): Uint8Array => crypto.getRandomValues(new Uint8Array(16));

/** No real server's response has a longer head. */
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
      ? `received ${show(peer.unread())}`
      : peer.ended === "open"
        ? `received nothing within ${peer.timeout} ms`
        : "the connection ended first",
  );
}
