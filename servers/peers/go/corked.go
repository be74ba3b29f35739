// A connection that can hold its writes back, so that many WebSocket frames leave in one write, and that ends a read
// which brings nothing for too long. gorilla/websocket writes each frame by itself and has no place for either.
package main

import (
	"net"
	"sync"
	"time"
)

type corkedConn struct {
	*net.TCPConn
	mu     sync.Mutex // one write at a time: gorilla answers a protocol error from the reading goroutine
	corked bool
	held   []byte
	idle   time.Duration // none until the handshake is over
}

// corkedListener makes net/http serve corkedConns; after the upgrade they are what gorilla calls the underlying one.
type corkedListener struct{ *net.TCPListener }

func (l corkedListener) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return &corkedConn{TCPConn: conn}, nil
}

func (c *corkedConn) Read(p []byte) (int, error) {
	if c.idle > 0 {
		c.SetReadDeadline(time.Now().Add(c.idle))
	}
	return c.TCPConn.Read(p)
}

func (c *corkedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.corked {
		return c.TCPConn.Write(p)
	}
	c.held = append(c.held, p...)
	if len(c.held) < maxWrite {
		return len(p), nil
	}
	return len(p), c.flush()
}

func (c *corkedConn) cork() {
	c.mu.Lock()
	c.corked = true
	c.mu.Unlock()
}

func (c *corkedConn) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = false
	return c.flush()
}

func (c *corkedConn) flush() error {
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.TCPConn.Write(c.held)
	if c.held = c.held[:0]; cap(c.held) > keepSpare {
		c.held = nil
	}
	return err
}
