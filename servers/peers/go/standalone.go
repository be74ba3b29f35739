// What every protocol shares when it is started by hand: flags, listening, the line that says where, and a clean stop.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	exitFailed = 3 // could not listen
	exitUsage  = 2 // a flag is wrong

	stopGrace = 2 * time.Second // a stop takes no longer, whatever the clients do
)

type protocol struct {
	scheme string // of the announced URL: tcp, udp or ws
	port   int    // the well-known port
	path   string // of the announced URL
	// setup declares the protocol's own flags and returns what serves once they are parsed.
	// The server it returns runs until the context is done.
	setup func(flags *flag.FlagSet) func(ctx context.Context, at endpoint)
}

// endpoint is what a protocol serves on: a stream listener or a datagram socket.
type endpoint struct {
	listener *net.TCPListener
	packets  *net.UDPConn
}

func (p protocol) run(name string, args []string) int {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	port := p.port
	flags.Func("port", "`port` to listen on; 0 lets the system choose (default "+strconv.Itoa(p.port)+")", func(s string) (err error) {
		if port, err = strconv.Atoi(s); err != nil || port < 0 || port > 65535 {
			return errors.New("not a port, 0 to 65535")
		}
		return nil
	})
	host := flags.String("host", "127.0.0.1", "`address` to listen on")
	asJSON := flags.Bool("json", false, "announce the address as a JSON object")
	serve := p.setup(flags)

	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, strings.NewReplacer("flag -", "flag --", "defined: -", "defined: --").Replace(err.Error()))
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "%s: unexpected argument %q\n", name, flags.Arg(0))
		return exitUsage
	}

	at, err := p.listen(*host, port)
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Fprintf(os.Stderr, "%s: port %d of %s is already in use\n", name, port, *host)
		return exitFailed
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "%s: cannot listen on port %d of %s: %v\n", name, port, *host, err)
		return exitFailed
	}

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	announce(name, p.scheme+"://"+at.address()+p.path, *asJSON)

	stopped := make(chan struct{})
	go func() {
		serve(ctx, at)
		close(stopped)
	}()
	<-ctx.Done()
	select {
	case <-stopped:
	case <-time.After(stopGrace):
	}
	return 0
}

func (p protocol) listen(host string, port int) (at endpoint, err error) {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	if p.scheme != "udp" {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return at, err
		}
		at.listener = listener.(*net.TCPListener)
		return at, nil
	}
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return at, err
	}
	at.packets = packets.(*net.UDPConn)
	at.packets.SetReadBuffer(4 << 20) // a burst should wait, not be lost; the system may grant less
	return at, nil
}

func (at endpoint) address() string {
	if at.packets != nil {
		return at.packets.LocalAddr().String()
	}
	return at.listener.Addr().String()
}

func announce(name, url string, asJSON bool) {
	if !asJSON {
		fmt.Printf("%s listening on %s\n", name, url)
		return
	}
	line, _ := json.Marshal(struct {
		Listening string `json:"listening"`
		Protocol  string `json:"protocol"`
		PID       int    `json:"pid"`
	}{url, name, os.Getpid()})
	fmt.Printf("%s\n", line)
}

// secondsFlag declares a time in seconds, fractions allowed.
func secondsFlag(flags *flag.FlagSet, name string, byDefault float64, usage string) *time.Duration {
	value := time.Duration(byDefault * float64(time.Second))
	flags.Func(name, fmt.Sprintf("%s, in `seconds` (default %g)", usage, byDefault), func(s string) error {
		seconds, err := strconv.ParseFloat(s, 64)
		if err != nil || !(seconds > 0) || seconds > math.MaxInt32 {
			return errors.New("not a number of seconds above 0")
		}
		value = time.Duration(seconds * float64(time.Second))
		return nil
	})
	return &value
}
