/**
 * The NATS server between bench and agents: connecting in one line of words, and messages of any size. Discovery,
 * fan-out, authentication and TLS are its own; nothing is kept there (no JetStream).
 */
import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  type NatsConnection,
} from "@nats-io/transport-node";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { decode, encode } from "./codec.ts";
import { createJoiner, split } from "./parts.ts";

export type Broker = {
  /** Without the user's secrets. */
  url: string;
  nats: NatsConnection;
  /** Most bytes of one payload. */
  payload: number;
};

const CONNECT_MS = 5000;
/** A connection that answers nothing for twice so long is given up. */
const PING_MS = 5000;
const AGAIN_MS = 500;
/** Parts are no longer than this, so that progress and reports of others come in between. */
const PART_BYTES = 262_144;

/** A word of a command line without user, password and token of a broker's URL: for messages and records. */
export const withoutSecrets = (text: string): string =>
  text.replace(/((?:nats|tls):\/\/)[^/@]*@/, (_, scheme: string) => scheme);

/** @param stays whether it connects again whenever the connection is lost @throws Failure in one line */
export async function connectBroker(flag: string, { stays }: { stays: boolean }): Promise<Broker> {
  const url = withoutSecrets(flag);
  const fail = (why: string) => new Failure(exitCodes.unreachable, `--nats ${url}: ${why}`);
  const { protocol, hostname } = URL.canParse(flag) ? new URL(flag) : { protocol: "", hostname: "" };
  if (!["nats:", "tls:"].includes(protocol) || hostname === "")
    throw new Failure(exitCodes.usage, `--nats ${url}: expected nats://host:port or tls://host:port`);
  try {
    const nats = await connect(optionsOf(new URL(flag), stays));
    return { url, nats, payload: Math.min(PART_BYTES, nats.info?.max_payload ?? PART_BYTES) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (isRefusal(error)) throw fail("it refuses the token, or user and password");
    throw fail(/refused/i.test(why) ? "connection refused; is nats-server running?" : why);
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof AuthorizationError || (error instanceof Error && /authori[sz]ation/i.test(error.message));

/** `nats://token@host`, `nats://user:password@host`, or NATS_TOKEN, NATS_USER and NATS_PASSWORD, which no list of processes shows. */
function optionsOf(url: URL, stays: boolean): ConnectionOptions {
  const { NATS_TOKEN, NATS_USER, NATS_PASSWORD } = process.env;
  const [name, password] = [url.username, url.password].map(decodeURIComponent);
  const token = name === "" ? NATS_TOKEN : password === "" ? name : undefined;
  const user = name === "" ? NATS_USER : password === "" ? undefined : name;
  return {
    servers: url.host,
    name: "sockbench",
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
    reconnect: stays,
    maxReconnectAttempts: -1,
    reconnectTimeWait: AGAIN_MS,
    ignoreAuthErrorAbort: stays,
    ...(url.protocol === "tls:" ? { tls: {} } : {}),
    ...(user === undefined ? {} : { user, pass: password || NATS_PASSWORD || "" }),
    ...(token === undefined ? {} : { token }),
  };
}

/** Publishes values of any size to a subject, each whole or not at all. */
export function sender({ nats, payload }: Broker, subject: string): (value: unknown) => void {
  let number = 0;
  return (value) => {
    for (const part of split(number++, encode(value), payload)) nats.publish(subject, part);
  };
}

/** Tells what the one sender on a subject sends, whole; what is not of our form is dropped. Returns how to end it. */
export function receiver({ nats }: Broker, subject: string, onValue: (value: unknown) => void): () => void {
  const join = createJoiner();
  const subscription = nats.subscribe(subject, {
    callback(error, message) {
      const whole = error ? undefined : join(message.data);
      if (whole === undefined) return;
      let value: unknown;
      try {
        value = decode(whole);
      } catch {
        return;
      }
      onValue(value);
    },
  });
  return () => subscription.unsubscribe();
}
