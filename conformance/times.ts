/** The timeouts that cases wait for, and how a server is given others. */

/**
 * The timeouts that cases wait for: the servers' flag for it, the seconds that ours get in tests, and the protocol
 * sheet's. `life` is not a server's: it is how long a case keeps a connection, since timers that nobody intended for
 * it close one after a minute or two.
 */
export const serverTimes = {
  idle: { flag: "--idle-timeout", ours: 1, sheet: 30 },
  forget: { flag: "--forget-after", ours: 1, sheet: 60 },
  ping: { flag: "--ping-interval", ours: 0.3, sheet: 54 },
  pong: { flag: "--idle-timeout", ours: 1.5, sheet: 60 },
  handshake: { flag: "", ours: 5, sheet: 5 },
  life: { flag: "", ours: 1, sheet: 130 },
} as const;

export type TimeName = keyof typeof serverTimes;
export const timeNames = Object.keys(serverTimes) as TimeName[];
