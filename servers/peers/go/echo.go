// echo: a pong for each ping.
package main

import (
	"context"
	"flag"
	"net"
	"time"
)

// echoPatience ends a connection whose peer does not take its pongs.
const echoPatience = 30 * time.Second

func setupEcho(flags *flag.FlagSet) func(context.Context, endpoint) {
	unframed := flags.Bool("unframed", false, "one pong a read, whatever is in it")
	return func(ctx context.Context, at endpoint) {
		if *unframed {
			serveTCP(ctx, at.listener, echoReads)
		} else {
			serveTCP(ctx, at.listener, echoLines)
		}
	}
}

func echoLines(conn *net.TCPConn) {
	var pongs []byte
	eachMessage(conn, &lines{limit: maxLine},
		func([]byte) error {
			pongs = append(pongs, "pong\n"...)
			return nil
		},
		func() error {
			if len(pongs) == 0 {
				return nil
			}
			conn.SetWriteDeadline(time.Now().Add(echoPatience))
			_, err := conn.Write(pongs)
			pongs = pongs[:0]
			return err
		})
	linger(conn)
}

// echoReads takes one read for one message, to show what comes of it.
func echoReads(conn *net.TCPConn) {
	buffer := make([]byte, 1024)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		conn.SetWriteDeadline(time.Now().Add(echoPatience))
		if _, err := conn.Write([]byte("pong")); err != nil {
			return
		}
	}
}
