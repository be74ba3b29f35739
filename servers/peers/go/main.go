// The protocols of sockbench in Go, to compare with: one program, the protocol is the first argument.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

// A new protocol is one new file and one line here.
var protocols = map[string]protocol{
	"chat/bracket": {scheme: "tcp", port: 8080, setup: setupChat(bracket)},
	"chat/welcome": {scheme: "tcp", port: 2020, setup: setupChat(welcome)},
	"chat/stamped": {scheme: "tcp", port: 9000, setup: setupChat(stamped)},
	"chat/json":    {scheme: "tcp", port: 8080, setup: setupChat(jsonObjects)},
	"chat/ws":      {scheme: "ws", port: 8080, path: "/ws", setup: setupChatWS},
	"relay":        {scheme: "udp", port: 8081, setup: setupRelay},
	"sum/tcp":      {scheme: "tcp", port: 5656, setup: setupSumTCP},
	"sum/udp":      {scheme: "udp", port: 5656, setup: setupSumUDP},
	"sum/ws":       {scheme: "ws", port: 5657, path: "/add", setup: setupSumWS},
	"echo":         {scheme: "tcp", port: 9000, setup: setupEcho},
	"file":         {scheme: "tcp", port: 9000, setup: setupFile},
}

func main() {
	names := make([]string, 0, len(protocols))
	for name := range protocols {
		names = append(names, name)
	}
	sort.Strings(names)
	usage := "usage: peer <protocol> [--port N] [--host H] [--json] [options]; protocols: " + strings.Join(names, ", ")

	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(exitUsage)
	}
	name := os.Args[1]
	if name == "-h" || name == "--help" {
		fmt.Println(usage)
		return
	}
	p, ok := protocols[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "peer: unknown protocol %q; one of %s\n", name, strings.Join(names, ", "))
		os.Exit(exitUsage)
	}
	os.Exit(p.run(name, os.Args[2:]))
}
