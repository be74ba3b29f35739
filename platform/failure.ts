/**
 * How a command ends when it cannot do what was asked: one line on standard error, which names the flag, file
 * or peer and its value, and one of the exit codes that all commands share.
 */

export const exitCodes = {
  ok: 0,
  /** The server under test is wrong, or a comparison found a regression. */
  wrong: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The target could not be reached, or nothing ran. */
  unreachable: 3,
  /** The measurement cannot be trusted, or the records cannot be compared. */
  untrusted: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Thrown by a command; the program prints `error: <message>` and exits with the code. */
export class Failure extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
    this.name = "Failure";
  }
}
