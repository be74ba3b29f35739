// How a TCP protocol accepts connections and how it lets go of them.
package main

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

const lingerFor = time.Second

// serveTCP gives each connection to handle, in a goroutine of its own, until the context is done. It closes the
// connection after handle has returned.
func serveTCP(ctx context.Context, listener *net.TCPListener, handle func(conn *net.TCPConn)) {
	var (
		mu       sync.Mutex
		open     = map[*net.TCPConn]struct{}{}
		handlers sync.WaitGroup
	)
	go func() {
		<-ctx.Done()
		listener.Close()
		mu.Lock()
		defer mu.Unlock()
		for conn := range open {
			conn.Close()
		}
	}()
	defer handlers.Wait()

	pause := time.Millisecond
	for {
		conn, err := listener.AcceptTCP()
		if ctx.Err() != nil {
			if conn != nil {
				conn.Close()
			}
			return
		}
		if err != nil { // out of descriptors, or the client left before it was accepted: neither ends the server
			time.Sleep(pause)
			if pause *= 2; pause > time.Second {
				pause = time.Second
			}
			continue
		}
		pause = time.Millisecond

		mu.Lock()
		open[conn] = struct{}{}
		mu.Unlock()
		handlers.Add(1)
		go func() {
			defer handlers.Done()
			handle(conn)
			conn.Close()
			mu.Lock()
			delete(open, conn)
			mu.Unlock()
		}()
	}
}

// linger ends a connection so that the peer can read the last words. Closing while unread bytes wait makes the kernel
// send RST, and that may overtake what was just written (RFC 1122, 4.2.2.13).
func linger(conn *net.TCPConn) {
	if conn.CloseWrite() == nil {
		conn.SetReadDeadline(time.Now().Add(lingerFor))
		io.Copy(io.Discard, conn)
	}
	conn.Close()
}

// reset drops a connection and what the kernel still holds for it: the peer learns at once.
func reset(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}

// impatient is a connection whose every read, or write, must come about within the limit.
type impatient struct {
	*net.TCPConn
	limit time.Duration
}

func (c impatient) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(c.limit))
	return c.TCPConn.Read(p)
}

func (c impatient) Write(p []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(c.limit))
	return c.TCPConn.Write(p)
}
