// The protocols of sockbench in Node, to compare with: `node peer.mjs <protocol> [--port N] [options]`.
import { standalone, usageError } from "./standalone.mjs";

// A new protocol is one new file and one line here.
const protocols = {
  "chat/bracket": () => import("./chat.mjs").then((chat) => chat.bracket),
  "chat/welcome": () => import("./chat.mjs").then((chat) => chat.welcome),
  "chat/stamped": () => import("./chat.mjs").then((chat) => chat.stamped),
  "chat/json": () => import("./chat.mjs").then((chat) => chat.json),
  "chat/ws": () => import("./chat-ws.mjs").then((chat) => chat.protocol),
  relay: () => import("./relay.mjs").then((relay) => relay.protocol),
  "sum/tcp": () => import("./sum-tcp.mjs").then((sum) => sum.protocol),
  "sum/udp": () => import("./sum-udp.mjs").then((sum) => sum.protocol),
  "sum/ws": () => import("./sum-ws.mjs").then((sum) => sum.protocol),
  echo: () => import("./echo.mjs").then((echo) => echo.protocol),
  file: () => import("./file.mjs").then((file) => file.protocol),
};

const names = Object.keys(protocols).join(", ");
const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  usageError(`usage: peer.mjs <protocol> [--port N] [--host H] [--json] [options]; protocols: ${names}`);
}
if (name === "-h" || name === "--help") {
  console.log(`usage: peer.mjs <protocol> [--port N] [--host H] [--json] [options]; protocols: ${names}`);
} else if (!Object.hasOwn(protocols, name)) {
  usageError(`peer: unknown protocol ${JSON.stringify(name)}; one of ${names}`);
} else {
  standalone(name, await protocols[name](), args);
}
