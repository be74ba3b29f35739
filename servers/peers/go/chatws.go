// chat/ws: the hub. Who is connected, whose origin is welcome, and when a client is given up.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxText = 65536
	// closeWithin is how long a client may take to read what is queued for it and the close frame after it.
	closeWithin = 5 * time.Second
	page        = `<!doctype html><meta charset="utf-8"><title>chat/ws</title><p>A WebSocket chat: connect to <code>/ws</code>.` + "\n"
)

var (
	binaryRefused = farewell{websocket.CloseUnsupportedData, "text messages only"}
	tooSlow       = farewell{websocket.ClosePolicyViolation, "too slow: the send queue is full"}
)

type hub struct {
	pingEvery, idleAfter time.Duration
	upgrader             websocket.Upgrader

	mu      sync.Mutex
	clients map[*client]struct{}
	open    sync.WaitGroup
	stopped bool
}

func setupChatWS(flags *flag.FlagSet) func(context.Context, endpoint) {
	ping := secondsFlag(flags, "ping-interval", 54, "time between the pings to a client")
	idle := secondsFlag(flags, "idle-timeout", 60, "time after which a client from which nothing came is closed")
	var origins []string
	flags.Func("allow-origin", "`origin` that may connect besides the server's own; may be repeated", func(s string) error {
		if u, err := url.Parse(s); s != "null" && (err != nil || u.Scheme == "" || u.Host == "") {
			return errors.New("not an origin, as https://example.org")
		}
		origins = append(origins, s)
		return nil
	})
	return func(ctx context.Context, at endpoint) {
		h := &hub{pingEvery: *ping, idleAfter: *idle, clients: map[*client]struct{}{}}
		h.upgrader = websocket.Upgrader{
			ReadBufferSize:  4096,
			WriteBufferSize: 1024,
			CheckOrigin:     func(r *http.Request) bool { return originAllowed(r, origins) },
		}
		serveHTTP(ctx, corkedListener{at.listener}, h)
		h.stop()
	}
}

// originAllowed lets in what is no browser, the server's own page, and the origins the operator named (RFC 6455, 10.2).
func originAllowed(r *http.Request, allowed []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	for _, a := range allowed {
		if strings.EqualFold(a, origin) {
			return true
		}
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/ws":
		conn, err := h.upgrader.Upgrade(w, r, nil)
		if err == nil { // otherwise the upgrader has answered
			h.serve(conn)
		}
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	default:
		http.NotFound(w, r)
	}
}

// serve is one client's stay: this goroutine reads, another writes.
func (h *hub) serve(conn *websocket.Conn) {
	c := newClient(conn, h.idleAfter)
	h.mu.Lock()
	if h.stopped {
		h.mu.Unlock()
		conn.Close()
		return
	}
	h.clients[c] = struct{}{}
	h.open.Add(1)
	h.mu.Unlock()
	defer h.open.Done()

	written := make(chan struct{})
	go func() {
		c.write(h.pingEvery)
		close(written)
	}()
	end := h.listen(c)
	h.mu.Lock()
	delete(h.clients, c)
	h.mu.Unlock()
	c.finish(*end)
	<-written
	linger(c.raw.TCPConn)
	c.cutOff.Stop()
}

func (h *hub) listen(c *client) *farewell {
	for {
		kind, text, end := readMessage(c.conn)
		switch {
		case end != nil:
			return end
		case kind == websocket.BinaryMessage:
			return &binaryRefused
		}
		h.broadcast(c, text)
	}
}

// broadcast only queues. A client whose queue is full is unregistered here and closed by its own goroutines.
func (h *hub) broadcast(from *client, text []byte) {
	line := make([]byte, 0, len(from.prefix)+len(text)+1)
	line = append(append(append(line, from.prefix...), text...), '\n')
	message, err := websocket.NewPreparedMessage(websocket.TextMessage, line)
	if err != nil {
		return
	}
	most := 0
	h.mu.Lock()
	if _, registered := h.clients[from]; registered {
		for to := range h.clients {
			if to == from {
				continue
			}
			waiting, ok := to.push(message, len(line))
			if !ok {
				delete(h.clients, to)
				to.finish(tooSlow)
			} else if waiting > most {
				most = waiting
			}
		}
	}
	h.mu.Unlock()
	if most > maxQueued/2 {
		runtime.Gosched() // a flood must not outrun writers that merely wait for a processor
	}
}

// stop says goodbye to everyone and waits for them; the process does not wait longer than its grace.
func (h *hub) stop() {
	h.mu.Lock()
	h.stopped = true
	for c := range h.clients {
		c.finish(stopping)
	}
	h.mu.Unlock()
	h.open.Wait()
}
