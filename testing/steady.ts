/** For tests of times that servers keep: one that fails while the host stalled is run again. */
import { PAUSE_MS, watchPauses } from "../platform/pauses.ts";

const ATTEMPTS = 3;

/** The body of a test; `cleanUp` runs between two attempts, and leaves what the first one found. */
export function steadily(body: () => Promise<void>, cleanUp?: () => Promise<void>): () => Promise<void> {
  return async () => {
    for (let attempt = 1; ; attempt++) {
      const pauses = watchPauses(undefined);
      try {
        return await body();
      } catch (error) {
        if (pauses.end() < PAUSE_MS || attempt === ATTEMPTS) throw error;
        await cleanUp?.();
      } finally {
        pauses.end();
      }
    }
  };
}
