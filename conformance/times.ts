/** The times that cases wait for, and how a server is given others. */

/** The times that servers have flags for: name, the flag, the time ours gets in tests, and the sheet's own. */
export const serverTimes = {
  idle: { flag: "--idle-timeout", ours: 1, sheet: 30 },
  forget: { flag: "--forget-after", ours: 1, sheet: 60 },
  ping: { flag: "--ping-interval", ours: 0.3, sheet: 54 },
  pong: { flag: "--idle-timeout", ours: 1.5, sheet: 60 },
  handshake: { flag: "", ours: 5, sheet: 5 },
} as const;

export type TimeName = keyof typeof serverTimes;
