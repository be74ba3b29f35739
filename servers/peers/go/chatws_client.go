// One client of the chat/ws hub: its bounded queue, and the goroutine that alone writes to it.
package main

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// pongOverhead is what an empty pong counts in the queue: its frame's head and the slot.
const pongOverhead = 16

type queuedMessage struct {
	frame *websocket.PreparedMessage // encoded once for all who get it
	size  int
}

type client struct {
	conn   *websocket.Conn
	raw    *corkedConn
	prefix []byte
	work   chan struct{} // holds one token while there is something to do

	mu      sync.Mutex
	queue   []queuedMessage
	waiting int      // bytes queued or being written
	pongs   []string // payloads of the pings to answer
	end     *farewell
	cutOff  *time.Timer // set with end
}

func newClient(conn *websocket.Conn, idleAfter time.Duration) *client {
	c := &client{
		conn:   conn,
		raw:    conn.UnderlyingConn().(*corkedConn),
		prefix: []byte("[" + conn.RemoteAddr().String() + "]: "),
		work:   make(chan struct{}, 1),
	}
	c.raw.idle = idleAfter
	conn.SetReadLimit(maxText)
	conn.SetCloseHandler(func(int, string) error { return nil }) // the writer answers, after what is queued
	conn.SetPingHandler(func(payload string) error {
		if !c.answer(payload) {
			c.finish(tooSlow)
		}
		return nil
	})
	return c
}

func (c *client) wake() {
	select {
	case c.work <- struct{}{}:
	default:
	}
}

// push says how much waits now, and false if the message would have made it more than the bound.
func (c *client) push(frame *websocket.PreparedMessage, size int) (waiting int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return 0, true
	}
	if c.waiting+size > maxQueued {
		return c.waiting, false
	}
	c.queue = append(c.queue, queuedMessage{frame, size})
	c.waiting += size
	c.wake()
	return c.waiting, true
}

// answer queues a pong, within the same bound: a client may ping and not read.
func (c *client) answer(ping string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return true
	}
	size := len(ping) + pongOverhead
	if c.waiting+size > maxQueued {
		return false
	}
	c.pongs = append(c.pongs, ping)
	c.waiting += size
	c.wake()
	return true
}

// finish ends the queue with a close frame; the first farewell stands. A peer that does not read it is cut off.
func (c *client) finish(end farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return
	}
	c.end = &end
	c.cutOff = time.AfterFunc(closeWithin, func() { reset(c.raw.TCPConn) })
	c.wake()
}

func (c *client) take() (batch []queuedMessage, pongs []string, end *farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch, pongs, end = c.queue, c.pongs, c.end
	c.queue, c.pongs = nil, nil
	return batch, pongs, end
}

func (c *client) wrote(size int) {
	c.mu.Lock()
	c.waiting -= size
	c.mu.Unlock()
}

func (c *client) write(pingEvery time.Duration) {
	pings := time.NewTicker(pingEvery)
	defer pings.Stop()
	for {
		select {
		case <-pings.C:
			c.conn.WriteControl(websocket.PingMessage, nil, time.Time{})
		case <-c.work:
		}
		batch, pongs, end := c.take()
		c.raw.cork()
		for _, payload := range pongs {
			c.conn.WriteControl(websocket.PongMessage, []byte(payload), time.Time{})
			c.wrote(len(payload) + pongOverhead)
		}
		for _, message := range batch {
			c.conn.WritePreparedMessage(message.frame)
			c.wrote(message.size)
		}
		if err := c.raw.uncork(); err != nil {
			c.raw.Close() // the reader sees it and ends the stay
			c.finish(none)
			return
		}
		if end != nil {
			sayFarewell(c.conn, *end)
			return
		}
	}
}
