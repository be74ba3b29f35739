// sum/tcp: JSON objects with no separator, however they are split; replies in their order.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
)

var errAnswered = errors.New("the error has been answered")

func setupSumTCP(flags *flag.FlagSet) func(context.Context, endpoint) {
	idle := secondsFlag(flags, "idle-timeout", 30, "time after which a connection that brings nothing is closed")
	return func(ctx context.Context, at endpoint) {
		serveTCP(ctx, at.listener, func(conn *net.TCPConn) {
			serveSums(impatient{conn, *idle})
			linger(conn)
		})
	}
}

// serveSums answers all requests of a read in one write, and ends after the first error.
func serveSums(conn impatient) {
	var replies []byte
	flush := func() (err error) {
		if len(replies) > 0 {
			_, err = conn.Write(replies)
			replies = replies[:0]
		}
		return err
	}
	err := eachMessage(conn, &objects{limit: maxRequest}, func(request []byte) error {
		var ok bool
		replies, ok = appendSum(replies, request, false)
		replies = append(replies, '\n')
		if !ok {
			return errAnswered
		}
		return nil
	}, flush)

	switch { // what is no whole object has had no answer yet
	case errors.Is(err, errTooLong):
		replies = append(appendError(replies, errRequestTooLong), '\n')
	case errors.Is(err, errNotObject):
		replies = append(appendError(replies, errRequest), '\n')
	case errors.Is(err, io.ErrUnexpectedEOF):
		replies = append(appendError(replies, errCutShort), '\n')
	}
	flush()
}
