// Which address answered with ICMP port unreachable. An unconnected UDP socket hears of it only on request, and only
// the error queue tells whom it was about: ip(7), IP_RECVERR.
package main

import (
	"net"
	"net/netip"
	"syscall"
)

func reportUnreachable(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		// One of the two does not apply to the socket's family; without either, silence alone makes an address forgotten.
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
	})
}

func unreachable(conn *net.UDPConn) (addresses []netip.AddrPort) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	raw.Control(func(fd uintptr) {
		var control [512]byte
		for {
			_, n, _, about, err := syscall.Recvmsg(int(fd), nil, control[:], syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
			if err != nil {
				return
			}
			if !isPortUnreachable(control[:n]) {
				continue
			}
			switch to := about.(type) {
			case *syscall.SockaddrInet4:
				addresses = append(addresses, netip.AddrPortFrom(netip.AddrFrom4(to.Addr), uint16(to.Port)))
			case *syscall.SockaddrInet6:
				addresses = append(addresses, netip.AddrPortFrom(netip.AddrFrom16(to.Addr).Unmap(), uint16(to.Port)))
			}
		}
	})
	return addresses
}

// isPortUnreachable looks into struct sock_extended_err: after four bytes of errno come origin, type and code.
func isPortUnreachable(control []byte) bool {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return false
	}
	for _, m := range messages {
		if len(m.Data) < 7 {
			continue
		}
		origin, kind, code := m.Data[4], m.Data[5], m.Data[6]
		if origin == 2 && kind == 3 && code == 3 { // ICMP: RFC 792
			return true
		}
		if origin == 3 && kind == 1 && code == 4 { // ICMPv6: RFC 4443, 3.1
			return true
		}
	}
	return false
}
