/** What can be wrong with a WebSocket chat, beside what any room can have (room.ts). */
import { MAX_QUEUE_BYTES } from "../../protocols/chat-ws.ts";
import type { ChatWsRoom, Client } from "./chat-ws.ts";
import type { Faults } from "./fault.ts";
import { connectedRoomFaults, holdingBack, saying } from "./room.ts";

/** For an origin without a number behind it every way to share it between the four is tried. */
const BACKTRACKING = /^[^:]*:[^@]*[^#]*[^?]*[^,]*:\d+$/;

/** Before the handshake: who may connect, and what stands at which path. */
const handshakeFaults = {
  "any-origin": {
    words: "any origin is accepted",
    fails: { "chat-ws": "3.6 3.9-11" },
    change: () => ({ refuses: () => false }),
  },
  "origin-by-prefix": {
    words: "an origin is compared only as far as the server's own name is long",
    fails: { "chat-ws": "3.11" },
    change: () => ({
      refuses: (origin, host) => origin !== null && !origin.startsWith(`http://${host}`),
    }),
  },
  "origin-by-name": {
    words: "the port of an origin is not looked at",
    fails: { "chat-ws": "3.9" },
    change: ({ refuses }) => ({
      refuses: (origin, host) =>
        origin !== null && URL.canParse(origin)
          ? new URL(origin).hostname !== host.replace(/:\d+$/, "")
          : refuses(origin, host),
    }),
  },
  "null-origin": {
    words: "the origin null is accepted",
    fails: { "chat-ws": "3.10" },
    change: ({ refuses }) => ({
      refuses: (origin, host) => origin !== "null" && refuses(origin, host),
    }),
  },
  backtracks: {
    words: "a pattern with overlapping quantifiers runs over the origin",
    fails: { "chat-ws": "4.3" },
    process: true,
    change: ({ refuses }) => ({
      refuses: (origin, host) => (origin !== null && BACKTRACKING.test(origin)) || refuses(origin, host),
    }),
  },
  "needs-origin": {
    words: "a client without an origin is refused",
    fails: { "chat-ws": "1.1-15 2.1-6 3.8" },
    change: ({ refuses }) => ({ refuses: (origin, host) => origin === null || refuses(origin, host) }),
  },
  "own-origin-refused": {
    words: "the server's own page is refused",
    fails: { "chat-ws": "3.7" },
    change: () => ({ refuses: (origin) => origin !== null }),
  },
  "page-of-markup": {
    words: "the page puts what others write into itself as markup",
    fails: { "chat-ws": "3.2" },
    change: ({ pageAt }) => ({ pageAt: (path) => pageAt(path) && "innerHTML" }),
  },
  "no-page": {
    words: "there is no page",
    fails: { "chat-ws": "3.1 3.2" },
    change: () => ({ pageAt: () => undefined }),
  },
  "page-everywhere": {
    words: "the page is at every path",
    fails: { "chat-ws": "3.3" },
    change: ({ pageAt, isRoom }) => ({ pageAt: (path) => (isRoom(path) ? undefined : pageAt("/")) }),
  },
  "ws-everywhere": {
    words: "every path is upgraded",
    fails: { "chat-ws": "3.5" },
    change: () => ({ isRoom: () => true }),
  },
  "ok-without-upgrade": {
    words: "a plain GET of /ws is answered with 200",
    fails: { "chat-ws": "3.4" },
    change: () => ({ noUpgradeStatus: 200 }),
  },
} as const satisfies Faults<ChatWsRoom>;

const messageFaults = {
  echoes: {
    words: "a message goes back to its author too",
    fails: { "chat-ws": "1.1-15 2.1-6" },
    change: ({ members }) => ({ recipients: () => members() }),
  },
  "no-newline": {
    words: "what is relayed has no end of line",
    fails: { "chat-ws": "1.1-15 2.1-6" },
    change: ({ send }) => ({ send: (client, message) => send(client, message.subarray(0, -1)) }),
  },
  "splits-lines": {
    words: "an end of line ends a message",
    fails: { "chat-ws": "1.6" },
    change: ({ say }) => ({
      say(author, text) {
        for (const line of text.toString().split("\n")) say(author, Buffer.from(line));
      },
    }),
  },
  "joins-tick": {
    words: "messages that come together are relayed as one",
    fails: { "chat-ws": "1.4-9 1.11 1.15" },
    change({ say }) {
      let tick: { author: Client; texts: string[] } | undefined;
      return {
        say(author, text) {
          if (tick?.author === author) return void tick.texts.push(text.toString());
          const gathered = { author, texts: [text.toString()] };
          tick = gathered;
          setImmediate(() => {
            tick = undefined;
            say(author, Buffer.from(gathered.texts.join("\n")));
          });
        },
      };
    },
  },
  escapes: {
    words: "markup is escaped by the server",
    fails: { "chat-ws": "1.7" },
    change: saying((text) => Buffer.from(text.toString().replaceAll("&", "&amp;").replaceAll("<", "&lt;"))),
  },
  "ascii-only": {
    words: "letters other than ASCII are replaced",
    fails: { "chat-ws": "1.5" },
    change: saying((text) => Buffer.from(text.toString().replace(/[^\x00-\x7f]/g, "?"))),
  },
  "limit-32k": {
    words: "a message over 32 KiB is refused",
    fails: { "chat-ws": "2.1" },
    change: () => ({ messageBytes: 32_768 }),
  },
  "relays-binary": {
    words: "a binary message is relayed",
    fails: { "chat-ws": "2.4 2.6" },
    change: ({ recipients }) => ({
      hearBinary(author, message) {
        for (const client of recipients(author)) client.sendBinary(message);
      },
    }),
  },
  "binary-1008": {
    words: "a binary message is refused with another code",
    fails: { "chat-ws": "2.4" },
    change: ({ left }) => ({
      hearBinary(client) {
        left(client);
        client.close(1008, "text messages only");
      },
    }),
  },
  "refusal-ends-room": {
    words: "a client that is refused ends the server",
    fails: { "chat-ws": "2.4 2.6" },
    change: ({ die }) => ({ hearBinary: die }),
  },
} as const satisfies Faults<ChatWsRoom>;

/** Readers who are too slow. */
const queueFaults = {
  "drops-silently": {
    words: "messages past a reader's queue are dropped, and it stays",
    fails: { hub: "2.2 2.3" },
    change: ({ send, waiting }) => ({
      evict() {},
      send: (client, message) => void (waiting(client) > MAX_QUEUE_BYTES || send(client, message)),
    }),
  },
  "evicts-with-1000": {
    words: "a reader that was too slow is closed with code 1000 and no reason",
    fails: { hub: "2.3" },
    change: ({ left }) => ({
      evict(client) {
        left(client);
        client.close(1000);
      },
    }),
  },
  "evicts-by-reset": {
    words: "a reader that was too slow is reset",
    fails: { hub: "2.3" },
    change: ({ left, reset }) => ({
      evict(client) {
        left(client);
        reset(client);
      },
    }),
  },
  "drops-then-evicts": {
    words: "half of what waits is dropped before a reader is evicted",
    fails: { hub: "2.4" },
    change({ send, waiting }) {
      let count = 0;
      return {
        send: (client, message) =>
          void ((waiting(client) > MAX_QUEUE_BYTES / 2 && count++ % 2) || send(client, message)),
      };
    },
  },
  "eviction-ends-room": {
    words: "the queue of an evicted reader is used still, which ends the server",
    fails: { hub: "2.1-5" },
    change: ({ die }) => ({ evict: die }),
  },
} as const satisfies Faults<ChatWsRoom>;

/** Clients that are silent. */
const livenessFaults = {
  "idle-limit": {
    words: "a client that says nothing for 0.3 s is ended, whatever it answers",
    fails: { "chat-ws": "4.2" },
    process: true,
    change({ opened, say, reset }) {
      const timers = new Map<Client, Timer>();
      return {
        opened(client) {
          timers.set(
            client,
            setTimeout(() => reset(client), 300),
          );
          opened(client);
        },
        say(author, text) {
          timers.get(author)?.refresh();
          say(author, text);
        },
      };
    },
  },
  "keeps-the-dead": {
    words: "a client from which nothing comes is kept for ever",
    fails: { hub: "1.3" },
    change: ({ ping }) => ({ silent: ping }),
  },
  "never-pings": { words: "no client is pinged", fails: { hub: "1.1 1.2" }, change: () => ({ ping() {} }) },
  "pings-once": {
    words: "a client is pinged once",
    fails: { hub: "1.1 1.2" },
    change({ ping }) {
      const pinged = new Set<Client>();
      return {
        ping(client) {
          if (!pinged.has(client)) ping(client);
          pinged.add(client);
        },
      };
    },
  },
  "pong-is-nothing": {
    words: "a pong does not count as a sign of life",
    fails: { hub: "1.2" },
    change: () => ({ pong() {} }),
  },
  "message-is-nothing": {
    words: "a message does not count as a sign of life",
    fails: { hub: "1.4" },
    change: ({ heard }) => ({
      heard() {},
      pong: heard,
    }),
  },
  "dead-holds-room": {
    words: "the messages to a dead client are waited for",
    fails: { hub: "1.3 1.5" },
    change: (room) => ({
      ...holdingBack<Client>((recipients) => recipients.some(({ data }) => data.pings > 2))(room),
      silent: room.ping,
    }),
  },
} as const satisfies Faults<ChatWsRoom>;

export const chatWsFaults = {
  ...connectedRoomFaults<Client>(),
  ...handshakeFaults,
  ...messageFaults,
  ...queueFaults,
  ...livenessFaults,
} as const satisfies Faults<ChatWsRoom>;

export type ChatWsFault = keyof typeof chatWsFaults | "none";
