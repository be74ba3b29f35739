//go:build !linux

// Elsewhere than on Linux an address is forgotten by its silence alone.
package main

import (
	"net"
	"net/netip"
)

func reportUnreachable(*net.UDPConn) {}

func unreachable(*net.UDPConn) []netip.AddrPort { return nil }
