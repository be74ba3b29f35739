// A reader's bounded queue: whoever sends never waits for a slow reader, and the writer sends all that waits at once.
package main

import (
	"io"
	"sync"
)

const (
	maxQueued = 1 << 20
	maxWrite  = 65536
	keepSpare = 65536 // a quiet connection keeps no larger buffer
)

type outbox struct {
	mu       sync.Mutex
	work     sync.Cond
	queued   []byte
	writing  int // bytes the writer has taken and not yet written
	finished bool
}

func newOutbox() *outbox {
	o := &outbox{}
	o.work.L = &o.mu
	return o
}

// push queues a copy. It says how much waits now, and false when this would be more than the bound: then the queue is
// given up and the reader is to be evicted. After the end of the queue a push does nothing.
func (o *outbox) push(message []byte) (waiting int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return 0, true
	}
	if waiting = len(o.queued) + o.writing + len(message); waiting > maxQueued {
		o.finished = true
		o.queued = nil
		o.work.Signal()
		return waiting, false
	}
	o.queued = append(o.queued, message...)
	o.work.Signal()
	return waiting, true
}

// finish takes no more messages; the writer ends when it has written what is queued.
func (o *outbox) finish() {
	o.mu.Lock()
	o.finished = true
	o.work.Signal()
	o.mu.Unlock()
}

// writeTo is the connection's only writer. It returns when the queue is finished and empty, or the writing fails.
func (o *outbox) writeTo(conn io.Writer) {
	var spare []byte
	for {
		batch, ok := o.take(spare)
		if !ok {
			return
		}
		for rest := batch; len(rest) > 0; {
			n := len(rest)
			if n > maxWrite {
				n = maxWrite // so that a reader which is slow but reads is not charged for the whole batch
			}
			if _, err := conn.Write(rest[:n]); err != nil {
				o.finish()
				return
			}
			rest = rest[n:]
			o.mu.Lock()
			o.writing = len(rest)
			o.mu.Unlock()
		}
		if spare = batch[:0]; cap(spare) > keepSpare {
			spare = nil
		}
	}
}

func (o *outbox) take(spare []byte) (batch []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queued) == 0 {
		if o.finished {
			return nil, false
		}
		o.work.Wait()
	}
	batch, o.queued = o.queued, spare
	o.writing = len(batch)
	return batch, true
}
