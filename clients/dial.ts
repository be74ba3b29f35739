/**
 * A connection to a target as it can be used: over TLS, after the handshake and the check of the certificate.
 * `Bun.connect` alone resolves before both and tells a refused certificate as a close without a word (Bun 1.4.5).
 */
import type { Socket, SocketHandler } from "bun";
import { type Endpoint, placeOf } from "./endpoint.ts";

/** Handlers as `Bun.connect` takes them; of a connection that could not be had none is called. */
export type DialHandlers = Omit<SocketHandler<undefined>, "handshake" | "connectError">;

/** A target may take a connect and then say nothing at all, in the TLS handshake too. */
const CONNECT_TIMEOUT_MS = 5000;

/** Connects, within 5 s; rejects with the reason, in words where it is the certificate's. */
export async function dial(
  target: Endpoint,
  handlers: DialHandlers,
  options: { allowHalfOpen?: boolean } = {},
): Promise<Socket> {
  const connecting = connect(target, handlers, options);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`connecting took over ${CONNECT_TIMEOUT_MS / 1000} s`));
    // One that comes after all belongs to nobody.
    connecting.then(
      (socket) => socket.terminate(),
      () => {},
    );
  }, CONNECT_TIMEOUT_MS);
  return Promise.race([connecting, late.promise]).finally(() => clearTimeout(timer));
}

async function connect(
  target: Endpoint,
  handlers: DialHandlers,
  { allowHalfOpen = false }: { allowHalfOpen?: boolean },
): Promise<Socket> {
  const place = { ...placeOf(target), allowHalfOpen };
  // The promise rejects with what a connectError handler would be told.
  if (!target.tls) return Bun.connect<undefined>({ ...place, socket: { ...handlers, connectError() {} } });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const insecure = target.trust?.insecure === true;
  let secured = false;
  Bun.connect<undefined>({
    ...place,
    socket: {
      ...handlers,
      open() {},
      handshake(socket, ok, error) {
        if (!ok && !(insecure && isUnverified(error))) return reject(refusal(error));
        secured = true;
        handlers.open?.(socket);
        resolve(socket);
      },
      close(socket, error) {
        if (secured) handlers.close?.(socket, error);
        else reject(error ?? new Error("closed by the server in the TLS handshake"));
      },
      error(socket, error) {
        if (secured) handlers.error?.(socket, error);
        else reject(error);
      },
      connectError() {},
    },
  }).catch(reject);
  return promise;
}

const hasCode = (error: Error | null, code: string) =>
  error !== null && "code" in error && error.code === code;

/** A handshake that is done but for the certificate: Bun 1.4.5 calls another name no success, also where any will do. */
const isUnverified = (error: Error | null) => error !== null && !hasCode(error, "EPROTO");

function refusal(error: Error | null): Error {
  const why = error?.message ?? "no reason given";
  if (why.includes("WRONG_VERSION_NUMBER")) return new Error("it does not speak TLS");
  if (hasCode(error, "EPROTO")) return new Error(`the TLS handshake failed: ${why}`);
  return new Error(`its certificate is not trusted: ${why}; ${trustHint}`);
}

/** What to do about a certificate that is not trusted. */
export const trustHint = "--ca <file> names who signed it, --insecure takes any";
