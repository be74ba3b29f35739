// sum/udp: one request a datagram, one reply to where it came from, with the caller's Id.
package main

import (
	"context"
	"flag"
)

func setupSumUDP(*flag.FlagSet) func(context.Context, endpoint) {
	return func(ctx context.Context, at endpoint) {
		go func() {
			<-ctx.Done()
			at.packets.Close()
		}()
		request := make([]byte, maxRequest+1) // one more byte tells what is too long from what just fits
		var reply []byte
		for ctx.Err() == nil {
			n, from, err := at.packets.ReadFromUDPAddrPort(request)
			if err != nil {
				continue // an ICMP error of an earlier reply: no reason to stop
			}
			reply, _ = appendSum(reply[:0], request[:n], true)
			at.packets.WriteToUDPAddrPort(reply, from)
		}
	}
}
