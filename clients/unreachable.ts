/** Thrown by a workload when the target cannot be reached or does not answer: the target's doing, not ours. */
export class Unreachable extends Error {}
