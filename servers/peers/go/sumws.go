// sum/ws: one request a message on /add, and a plain WebSocket echo on /echo for test suites.
package main

import (
	"context"
	"flag"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// The suites' largest message is 16 MiB (Autobahn case 9.1.6).
const maxEcho = 16 << 20

type sumServer struct {
	idleAfter time.Duration
	upgrader  websocket.Upgrader
	mu        sync.Mutex
	open      map[*websocket.Conn]struct{}
	handlers  sync.WaitGroup
	stopped   bool
}

func setupSumWS(flags *flag.FlagSet) func(context.Context, endpoint) {
	idle := secondsFlag(flags, "idle-timeout", 20, "time after which a connection without a message is closed")
	return func(ctx context.Context, at endpoint) {
		s := &sumServer{idleAfter: *idle, open: map[*websocket.Conn]struct{}{}}
		// There is nothing here that a foreign page could take, so any origin may ask.
		s.upgrader.CheckOrigin = func(*http.Request) bool { return true }
		s.upgrader.ReadBufferSize = 4096
		s.upgrader.WriteBufferSize = 4096
		serveHTTP(ctx, at.listener, s)
		s.stop()
	}
}

func (s *sumServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit, answer := int64(maxText), add
	switch r.URL.Path {
	case "/add":
	case "/echo":
		limit, answer = maxEcho, echo
	default:
		http.NotFound(w, r)
		return
	}
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		conn.Close()
		return
	}
	s.open[conn] = struct{}{}
	s.handlers.Add(1)
	s.mu.Unlock()
	defer s.handlers.Done()

	conn.SetReadLimit(limit)
	if end := s.converse(conn, answer); end != nil {
		sayFarewell(conn, *end)
	}
	s.mu.Lock()
	delete(s.open, conn)
	s.mu.Unlock()
	linger(conn.UnderlyingConn().(*net.TCPConn))
}

// converse answers until the connection ends, and says how it is to be closed.
func (s *sumServer) converse(conn *websocket.Conn, answer func(kind int, message []byte) (int, []byte)) *farewell {
	for {
		conn.SetReadDeadline(time.Now().Add(s.idleAfter))
		kind, message, end := readMessage(conn)
		if end != nil {
			return end
		}
		conn.SetWriteDeadline(time.Now().Add(s.idleAfter))
		if err := conn.WriteMessage(answer(kind, message)); err != nil {
			return nil
		}
	}
}

func add(kind int, message []byte) (int, []byte) {
	if kind == websocket.BinaryMessage {
		return websocket.TextMessage, appendError(nil, errRequest)
	}
	reply, _ := appendSum(nil, message, false)
	return websocket.TextMessage, reply
}

func echo(kind int, message []byte) (int, []byte) { return kind, message }

func (s *sumServer) stop() {
	s.mu.Lock()
	s.stopped = true
	for conn := range s.open {
		go func(conn *websocket.Conn) {
			sayFarewell(conn, stopping)
			conn.SetReadDeadline(time.Now()) // the connection's own goroutine ends it
		}(conn)
	}
	s.mu.Unlock()
	s.handlers.Wait()
}
