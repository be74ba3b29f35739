// relay: each datagram goes to every other address that was heard of lately.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	maxPayload    = 1024
	maxDatagram   = 65535
	maxAddresses  = 10000
	forgetAfter   = 60 * time.Second
	noticeAtMost  = time.Second // an interval: oversize notices to one sender
	oversizeDrop  = "drop"
	oversizeTrunc = "truncate"
)

type source struct {
	prefix  []byte
	heard   time.Time
	noticed time.Time
}

type relay struct {
	conn      *net.UDPConn
	truncate  bool
	sources   map[netip.AddrPort]*source
	oversized int
}

func setupRelay(flags *flag.FlagSet) func(context.Context, endpoint) {
	oversize := oversizeDrop
	flags.Func("oversize", "what to do with over 1024 bytes: `drop` or truncate (default drop)", func(s string) error {
		if s != oversizeDrop && s != oversizeTrunc {
			return errors.New("not drop or truncate")
		}
		oversize = s
		return nil
	})
	return func(ctx context.Context, at endpoint) {
		go func() {
			<-ctx.Done()
			at.packets.Close()
		}()
		reportUnreachable(at.packets)
		r := &relay{conn: at.packets, truncate: oversize == oversizeTrunc, sources: map[netip.AddrPort]*source{}}
		r.serve(ctx)
		if r.oversized > 0 {
			fmt.Fprintf(os.Stderr, "relay: %d datagrams over %d bytes\n", r.oversized, maxPayload)
		}
	}
}

func (r *relay) serve(ctx context.Context) {
	buffer := make([]byte, maxDatagram) // larger than any payload, so the system truncates nothing
	var out []byte
	for ctx.Err() == nil {
		n, from, err := r.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			r.forgetUnreachable()
			continue
		}
		now := time.Now()
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		s := r.register(from, now)
		if s == nil || n == 0 {
			continue
		}
		if n > maxPayload {
			r.oversized++
			if !r.truncate {
				r.notice(s, from, n, now)
				continue
			}
			n = maxPayload
		}
		out = append(append(out[:0], s.prefix...), buffer[:n]...)
		r.toOthers(from, out, now)
	}
}

// register knows the source from now on. It is nil if there is no room for one more: such a source is not heard.
func (r *relay) register(from netip.AddrPort, now time.Time) *source {
	s := r.sources[from]
	if s == nil {
		if len(r.sources) >= maxAddresses {
			r.forgetSilent(now)
		}
		if len(r.sources) >= maxAddresses {
			return nil
		}
		s = &source{prefix: []byte("[" + from.String() + "]: ")}
		r.sources[from] = s
	}
	s.heard = now
	return s
}

func (r *relay) toOthers(from netip.AddrPort, datagram []byte, now time.Time) {
	for address, s := range r.sources {
		switch {
		case now.Sub(s.heard) > forgetAfter:
			delete(r.sources, address)
		case address != from:
			r.send(datagram, address)
		}
	}
}

// send tries twice when refused: the refusal is of an earlier datagram to anyone, and this one has not been sent.
func (r *relay) send(datagram []byte, to netip.AddrPort) {
	_, err := r.conn.WriteToUDPAddrPort(datagram, to)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return
	}
	r.forgetUnreachable()
	if _, stays := r.sources[to]; stays {
		r.conn.WriteToUDPAddrPort(datagram, to)
	}
}

func (r *relay) notice(s *source, to netip.AddrPort, size int, now time.Time) {
	if now.Sub(s.noticed) < noticeAtMost {
		return
	}
	s.noticed = now
	r.send([]byte(fmt.Sprintf("[Server]: datagram of %d bytes exceeds %d", size, maxPayload)), to)
}

func (r *relay) forgetSilent(now time.Time) {
	for address, s := range r.sources {
		if now.Sub(s.heard) > forgetAfter {
			delete(r.sources, address)
		}
	}
}

func (r *relay) forgetUnreachable() {
	for _, address := range unreachable(r.conn) {
		delete(r.sources, address)
	}
}
