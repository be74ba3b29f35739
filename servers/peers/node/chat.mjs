// The TCP chat room, and its dialects: a table of what differs between them.
import { isUtf8 } from "node:buffer";
import { FramingError, Lines, MAX_LINE, Objects } from "./framing.mjs";
import { Outbox } from "./outbox.mjs";
import { hostPort } from "./standalone.mjs";
import { linger, tcpServer } from "./tcp.mjs";

const FLUSH_MS = 5_000; // how long a member who is leaving may take to read what is queued for it
const LF = Buffer.from("\n");
const NOTHING = Buffer.alloc(0);
const CR = 0x0d;

const withoutCr = (line) => (line.at(-1) === CR ? line.subarray(0, -1) : line);

/**
 * introduce: the prefix of what a member says; greet: to the newcomer alone; enter: to those already there;
 * left: to those who stay; say: the pieces the room gets for one message, or undefined when the member is to leave;
 * toSender: the room is everyone, the sender too; tooLong: the last word to a member whose message is over the limit.
 */
const dialects = {
  bracket: {
    introduce: ({ address }) => `[${address}]: `,
    say: ({ prefix }, line) => [prefix, line, LF],
    tooLong: "[Server]: line too long\n",
    console: true,
  },
  welcome: {
    introduce: ({ number }) => `${number}:`,
    greet: ({ number }) => `Welcome ${number}\n`,
    enter: ({ number }) => `User:${number}has enter\n`,
    left: ({ number }) => `User:${number}has left\n`,
    say: ({ prefix }, line) => [prefix, withoutCr(line), LF],
    toSender: true,
  },
  stamped: {
    greet: ({ number }) => `[SERVER] Client ${number} joined the chat.\n`, // notices go to all, the newcomer too
    enter: ({ number }) => `[SERVER] Client ${number} joined the chat.\n`,
    left: ({ number }) => `[SERVER] Client ${number} left the chat.\n`,
    say: (_, line) => (saysExit(line) ? undefined : [line, LF]),
  },
  json: {
    framing: () => new Objects(MAX_LINE),
    introduce: ({ address }) => `{"data_source":"${address}","data":`,
    greet: ({ address }) => `{"data_source":"server","data":"${address} joined"}\n`, // everyone online, the newcomer too
    enter: ({ address }) => `{"data_source":"server","data":"${address} joined"}\n`,
    left: ({ address }) => `{"data_source":"server","data":"${address} left"}\n`,
    say: ({ prefix }, object) => {
      const data = textOf(object);
      return data === undefined ? undefined : [prefix, Buffer.from(`${JSON.stringify(data)}}\n`)];
    },
    toSender: true,
  },
};

/** "exit" bare, or after a stamp as in "1700000000:exit". */
function saysExit(line) {
  return line.length < 64 && /^(?:\d+:)?exit\r?$/.test(line.latin1Slice());
}

function textOf(object) {
  if (!isUtf8(object)) return undefined;
  try {
    const { data } = JSON.parse(object.toString());
    return typeof data === "string" ? data : undefined;
  } catch {
    return undefined;
  }
}

function room(dialect) {
  const members = new Set();
  let joined = 0;

  const send = (message, except) => {
    for (const member of members) {
      if (member !== except) member.outbox.push(message);
    }
  };

  const join = (socket) => {
    const member = {
      number: ++joined,
      address: hostPort(socket.remoteAddress, socket.remotePort),
      prefix: NOTHING,
      outbox: new Outbox(socket),
    };
    if (dialect.introduce) member.prefix = Buffer.from(dialect.introduce(member));
    if (dialect.enter) send(Buffer.from(dialect.enter(member)));
    if (dialect.greet) member.outbox.push(Buffer.from(dialect.greet(member)));
    members.add(member);
    return member;
  };

  const leave = (member) => {
    if (members.delete(member) && dialect.left) send(Buffer.from(dialect.left(member)));
  };

  const serve = (socket) => {
    const member = join(socket);
    const framing = dialect.framing?.() ?? new Lines(MAX_LINE);

    const end = (lastWord) => {
      leave(member);
      if (lastWord) member.outbox.push(Buffer.from(lastWord));
      member.outbox.finish();
      linger(socket, FLUSH_MS);
    };

    socket.on("data", (chunk) => {
      const said = [];
      let ended = false;
      let lastWord;
      try {
        framing.feed(chunk, (message) => {
          const pieces = dialect.say(member, message);
          if (pieces === undefined) ended = true;
          else said.push(...pieces);
          return !ended;
        });
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        ended = true;
        if (error.code === "too long") lastWord = dialect.tooLong;
      }
      if (said.length > 0) send(Buffer.concat(said), dialect.toSender ? undefined : member);
      if (ended) end(lastWord);
    });
    socket.on("end", () => end());
    socket.on("close", () => leave(member));
  };

  return { send, serve };
}

/** The operator's lines go to everyone. Their end is the end of the console only. */
function openConsole(send) {
  const lines = new Lines(MAX_LINE);
  const prefix = Buffer.from("[Server]: ");
  process.stdin.on("error", () => {});
  process.stdin.on("data", (chunk) => {
    try {
      lines.feed(chunk, (line) => send(Buffer.concat([prefix, line, LF])));
    } catch (error) {
      process.stderr.write(`console: the line is ${error.message}; the console ends\n`);
      process.stdin.destroy();
    }
  });
}

function protocol(port, dialect) {
  return {
    scheme: "tcp",
    port,
    create: () => {
      const { send, serve } = room(dialect);
      if (dialect.console) openConsole(send);
      return tcpServer(serve);
    },
  };
}

export const bracket = protocol(8080, dialects.bracket);
export const welcome = protocol(2020, dialects.welcome);
export const stamped = protocol(9000, dialects.stamped);
export const json = protocol(8080, dialects.json);
