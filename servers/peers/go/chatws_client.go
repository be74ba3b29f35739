// One client of the chat/ws hub: its bounded queue, and the goroutine that alone writes to it.
package main

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

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
	waiting int     // bytes queued or being written
	pong    *string // the newest ping to answer; RFC 6455, 5.5.3 allows to skip the others
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
		c.mu.Lock()
		c.pong = &payload
		c.mu.Unlock()
		c.wake()
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

func (c *client) take() (batch []queuedMessage, pong *string, end *farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch, pong, end = c.queue, c.pong, c.end
	c.queue, c.pong = nil, nil
	return batch, pong, end
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
		batch, pong, end := c.take()
		c.raw.cork()
		if pong != nil {
			c.conn.WriteControl(websocket.PongMessage, []byte(*pong), time.Time{})
		}
		for _, message := range batch {
			c.conn.WritePreparedMessage(message.frame)
			c.mu.Lock()
			c.waiting -= message.size
			c.mu.Unlock()
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
