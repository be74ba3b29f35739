// file: one file a connection, whole or not at all, never over another one.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	nameField    = 1024
	filePatience = 60 * time.Second // a sender that is silent for longer has broken off
)

type fileServer struct {
	dir      string
	maxBytes int64
	mu       sync.Mutex
	arriving map[string]struct{} // names whose transfer is under way
}

func setupFile(flags *flag.FlagSet) func(context.Context, endpoint) {
	s := &fileServer{dir: ".", maxBytes: 1 << 30, arriving: map[string]struct{}{}}
	flags.Func("dir", "`directory` that takes the files (default .)", func(dir string) error {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return errors.New("not a directory")
		}
		s.dir = dir
		return nil
	})
	flags.Func("max-bytes", "`size` of the largest file (default 1073741824)", func(size string) (err error) {
		if s.maxBytes, err = strconv.ParseInt(size, 10, 64); err != nil || s.maxBytes < 0 {
			return errors.New("not a number of bytes")
		}
		return nil
	})
	return func(ctx context.Context, at endpoint) {
		serveTCP(ctx, at.listener, s.receive)
	}
}

func (s *fileServer) receive(tcp *net.TCPConn) {
	conn := impatient{tcp, filePatience}
	field := make([]byte, nameField)
	n, err := io.ReadFull(conn, field)
	if err != nil && err != io.ErrUnexpectedEOF {
		return
	}
	name, ok := bareName(field)
	if n < nameField || !ok || !s.reserve(name) {
		conn.Write([]byte("N"))
		linger(tcp)
		return
	}
	defer s.release(name)
	temporary, err := os.CreateTemp(s.dir, ".arriving-*")
	if err != nil {
		conn.Write([]byte("N"))
		linger(tcp)
		return
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()

	conn.Write([]byte("Y"))
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(temporary, hash), io.LimitReader(conn, s.maxBytes+1))
	if err == nil && size <= s.maxBytes {
		err = temporary.Close()
	}
	if err == nil && size <= s.maxBytes {
		// A link, unlike a rename, never replaces what is there.
		err = os.Link(temporary.Name(), filepath.Join(s.dir, name))
	}
	if err != nil || size > s.maxBytes {
		reset(tcp)
		return
	}
	os.Remove(temporary.Name()) // before the receipt: who has it finds one file
	fmt.Fprintf(conn, "%d %x\n", size, hash.Sum(nil))
}

// bareName reads the name field: a name that stays in the directory, then NULs only.
func bareName(field []byte) (string, bool) {
	name := field
	if end := bytes.IndexByte(field, 0); end >= 0 {
		name = field[:end]
		if len(bytes.Trim(field[end:], "\x00")) > 0 {
			return "", false
		}
	}
	text := string(name)
	ok := text != "" && text != "." && text != ".." && !strings.ContainsAny(text, `/\`) && utf8.ValidString(text)
	return text, ok
}

// reserve refuses a name that exists, cannot exist, or is arriving by another connection.
func (s *fileServer) reserve(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.arriving[name]; taken {
		return false
	}
	if _, err := os.Lstat(filepath.Join(s.dir, name)); !errors.Is(err, os.ErrNotExist) {
		return false
	}
	s.arriving[name] = struct{}{}
	return true
}

func (s *fileServer) release(name string) {
	s.mu.Lock()
	delete(s.arriving, name)
	s.mu.Unlock()
}
