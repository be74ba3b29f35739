// What both WebSocket protocols share: the HTTP server below them, and how a connection ends.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const (
	handshakeWithin = 5 * time.Second
	lastWordsWithin = time.Second // for a close frame to be written
)

// farewell is the code and the reason of a close frame.
type farewell struct {
	code   int
	reason string
}

var (
	stopping    = farewell{websocket.CloseGoingAway, "the server stops"}
	idle        = farewell{websocket.CloseGoingAway, "nothing came for too long"}
	invalidText = farewell{websocket.CloseInvalidFramePayloadData, "text that is not UTF-8"}
	none        = farewell{websocket.CloseNoStatusReceived, ""} // an empty close frame
)

// serveHTTP runs until the context is done. Upgraded connections are the handler's own to end.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: handshakeWithin,
		ErrorLog:          log.New(io.Discard, "", 0), // a client's bad request is the client's to know
	}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	server.Serve(listener)
}

// readMessage reads one message, and sees to it that text is text: gorilla leaves that to the application.
func readMessage(conn *websocket.Conn) (kind int, message []byte, end *farewell) {
	kind, message, err := conn.ReadMessage()
	if err != nil {
		return kind, nil, farewellAfter(err)
	}
	if kind == websocket.TextMessage && !utf8.Valid(message) {
		return kind, nil, &invalidText
	}
	return kind, message, nil
}

// farewellAfter answers a close frame with its own code (RFC 6455, 5.5.1). To a peer that broke the protocol gorilla
// has sent a close frame by itself, and refuses to send a second one.
func farewellAfter(err error) *farewell {
	var closed *websocket.CloseError
	var timeout net.Error
	switch {
	case errors.As(err, &closed):
		return &farewell{code: closed.Code}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &idle
	}
	return &none
}

func sayFarewell(conn *websocket.Conn, end farewell) {
	frame := websocket.FormatCloseMessage(end.code, end.reason)
	conn.WriteControl(websocket.CloseMessage, frame, time.Now().Add(lastWordsWithin))
}
