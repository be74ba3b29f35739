// relay: each datagram goes to every other address that was heard of lately.
// node:dgram does not tell whom an ICMP error was about, so an unreachable address is forgotten by its silence alone.
import { hostPort } from "./standalone.mjs";
import { udpSocket } from "./udp.mjs";

const MAX_PAYLOAD = 1_024;
const MAX_ADDRESSES = 10_000;
const FORGET_AFTER_MS = 60_000;
const NOTICE_INTERVAL_MS = 1_000; // oversize notices to one sender

function oversize(text) {
  if (text !== "drop" && text !== "truncate") throw new Error("not drop or truncate");
  return text;
}

function relay(options) {
  const { socket, send } = udpSocket(options);
  const sources = new Map();
  let oversized = 0;

  const forgetSilent = (now) => {
    for (const [key, source] of sources) {
      if (now - source.heard > FORGET_AFTER_MS) sources.delete(key);
    }
  };

  /** Knows the source from now on; undefined if there is no room for one more: such a source is not heard. */
  const register = ({ address, port }, now) => {
    const key = hostPort(address, port);
    let source = sources.get(key);
    if (source === undefined) {
      if (sources.size >= MAX_ADDRESSES) forgetSilent(now);
      if (sources.size >= MAX_ADDRESSES) return undefined;
      source = { address, port, prefix: Buffer.from(`[${key}]: `), heard: now, noticed: -Infinity };
      sources.set(key, source);
    }
    source.heard = now;
    return source;
  };

  const toOthers = (from, datagram, now) => {
    for (const [key, source] of sources) {
      if (now - source.heard > FORGET_AFTER_MS) sources.delete(key);
      else if (source !== from) send(datagram, source.port, source.address);
    }
  };

  const notice = (source, size, now) => {
    if (now - source.noticed < NOTICE_INTERVAL_MS) return;
    source.noticed = now;
    send(`[Server]: datagram of ${size} bytes exceeds ${MAX_PAYLOAD}`, source.port, source.address);
  };

  socket.on("message", (payload, from) => {
    const now = performance.now();
    const source = register(from, now);
    if (source === undefined || payload.length === 0) return;
    if (payload.length > MAX_PAYLOAD) {
      oversized++;
      if (options.oversize === "drop") return notice(source, payload.length, now);
    }
    toOthers(source, Buffer.concat([source.prefix, payload.subarray(0, MAX_PAYLOAD)]), now);
  });

  const stop = () => {
    if (oversized > 0) process.stderr.write(`relay: ${oversized} datagrams over ${MAX_PAYLOAD} bytes\n`);
  };
  return { server: socket, stop };
}

export const protocol = {
  scheme: "udp",
  port: 8081,
  flags: { oversize: { value: "drop", parse: oversize } },
  create: relay,
};
