// A reader's bounded queue: what is said to it within one turn of the event loop leaves in one write.
export const MAX_QUEUED = 1 << 20;

const waiting = new Set();

function flushAll() {
  const outboxes = [...waiting];
  waiting.clear();
  for (const outbox of outboxes) outbox.flush();
}

export class Outbox {
  messages = [];
  size = 0;
  finished = false;

  constructor(socket) {
    this.socket = socket;
  }

  /** Queues a message; a reader that fell behind by more than the bound is cut off. */
  push(message) {
    if (this.finished) return;
    this.messages.push(message);
    this.size += message.length;
    if (this.size + this.socket.writableLength > MAX_QUEUED) {
      this.flush(); // a reader that is not behind takes it now
      if (this.socket.writableLength > MAX_QUEUED) this.evict();
    } else if (this.messages.length === 1) {
      if (waiting.size === 0) setImmediate(flushAll);
      waiting.add(this);
    }
  }

  flush() {
    if (this.messages.length === 0) return;
    const batch = this.messages.length === 1 ? this.messages[0] : Buffer.concat(this.messages, this.size);
    this.messages = [];
    this.size = 0;
    if (!this.socket.destroyed) this.socket.write(batch);
  }

  /** Takes no more messages. */
  finish() {
    this.flush();
    this.finished = true;
  }

  /** Drops the connection and what the kernel still holds for it: the peer learns at once. */
  evict() {
    this.finished = true;
    this.socket.resetAndDestroy();
  }
}
