// The TCP chat room that all dialects share: who is in it, and how what one says reaches the others.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"runtime"
	"sync"
	"time"
)

var errLeft = errors.New("the member left")

// flushFor bounds how long a member who is leaving may take to read what is queued for it.
const flushFor = 5 * time.Second

type member struct {
	number  int // counts up from 1, never given twice
	address string
	prefix  []byte // what the dialect puts before each message of this member
	conn    *net.TCPConn
	out     *outbox
}

type room struct {
	dialect
	mu      sync.Mutex
	joined  int
	members map[*member]struct{}
}

func setupChat(d dialect) func(*flag.FlagSet) func(context.Context, endpoint) {
	return func(*flag.FlagSet) func(context.Context, endpoint) {
		return func(ctx context.Context, at endpoint) {
			r := &room{dialect: d, members: map[*member]struct{}{}}
			if d.console {
				go r.console()
			}
			serveTCP(ctx, at.listener, r.serve)
		}
	}
}

// serve is one member's stay. The connection has one reader, this goroutine, and one writer.
func (r *room) serve(conn *net.TCPConn) {
	m := r.join(conn)
	written := make(chan struct{})
	go func() {
		m.out.writeTo(conn)
		close(written)
	}()

	var said []byte
	err := eachMessage(conn, r.framing(),
		func(message []byte) (err error) {
			said, err = r.say(said, m, message)
			return err
		},
		func() error {
			if len(said) > 0 {
				r.send(m, said)
			}
			if said = said[:0]; cap(said) > 4*keepSpare {
				said = nil
			}
			return nil
		})

	r.leave(m)
	if errors.Is(err, errTooLong) {
		m.out.push([]byte(r.tooLong))
	}
	m.out.finish()
	conn.SetWriteDeadline(time.Now().Add(flushFor))
	<-written
	linger(conn)
}

// join, send and leave hold the room's lock only to queue, never to write: a reader that does not read stalls nobody.
func (r *room) join(conn *net.TCPConn) *member {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined++
	m := &member{number: r.joined, address: conn.RemoteAddr().String(), conn: conn, out: newOutbox()}
	m.prefix = []byte(r.introduce(m))
	if r.enter != nil {
		notice := []byte(r.enter(m))
		for other := range r.members {
			other.give(notice)
		}
	}
	if r.greet != nil {
		m.give([]byte(r.greet(m)))
	}
	r.members[m] = struct{}{}
	return m
}

func (r *room) leave(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, m)
	if r.left == nil {
		return
	}
	notice := []byte(r.left(m))
	for other := range r.members {
		other.give(notice)
	}
}

// send gives everyone what a member said, or what the console said if the member is nil.
func (r *room) send(from *member, said []byte) {
	most := 0
	r.mu.Lock()
	for to := range r.members {
		if to != from || r.toSender {
			if waiting := to.give(said); waiting > most {
				most = waiting
			}
		}
	}
	r.mu.Unlock()
	if most > maxQueued/2 {
		runtime.Gosched() // a flood must not outrun writers that merely wait for a processor
	}
}

// give queues for one member, and evicts it if it fell too far behind; its own goroutine then sees it leave.
func (m *member) give(message []byte) (waiting int) {
	waiting, ok := m.out.push(message)
	if !ok {
		reset(m.conn)
		return 0
	}
	return waiting
}

// console says the operator's lines. Its end is the end of the console only.
func (r *room) console() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, maxLine+1)
	for input.Scan() {
		r.send(nil, []byte("[Server]: "+input.Text()+"\n"))
	}
}
