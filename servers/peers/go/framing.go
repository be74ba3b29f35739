// Messages out of a byte stream: lines, and JSON objects with no separator. A read is never taken for a message.
package main

import (
	"bytes"
	"errors"
	"io"
)

var (
	errTooLong   = errors.New("message too long")
	errNotObject = errors.New("not a JSON object")
)

const (
	maxLine   = 65536
	firstRead = 4096
	bestRead  = 65536 // a buffer grows to this while the peer fills it
)

// framing finds the next message at the start of data: how many bytes to consume, and the message if it is whole.
// Nothing consumed means that more is needed; then the next call sees the same bytes and more after them.
type framing interface {
	next(data []byte) (consumed int, message []byte, err error)
}

// eachMessage reads until the stream or the framing ends, and calls each with every message and readDone after each
// read, so that what one read brought can be sent on at once. A stream that ends inside a message gives
// io.ErrUnexpectedEOF. What each is given is valid until it returns.
func eachMessage(stream io.Reader, frames framing, each func(message []byte) error, readDone func() error) error {
	buffer := make([]byte, firstRead)
	held := 0
	for {
		n, readErr := stream.Read(buffer[held:])
		data := buffer[:held+n]
		full := len(data) == len(buffer)
		rest, err := cut(data, frames, each)
		if doneErr := readDone(); err == nil {
			err = doneErr
		}
		switch {
		case err != nil:
			return err
		case readErr == io.EOF && len(rest) > 0:
			return io.ErrUnexpectedEOF
		case readErr != nil:
			return readErr
		}
		if full && (len(buffer) < bestRead || len(rest) == len(buffer)) {
			buffer = make([]byte, 2*len(buffer))
		}
		held = copy(buffer, rest)
	}
}

func cut(data []byte, frames framing, each func([]byte) error) (rest []byte, err error) {
	for len(data) > 0 {
		consumed, message, err := frames.next(data)
		if err != nil || consumed == 0 {
			return data, err
		}
		if message != nil {
			if err := each(message); err != nil {
				return data, err
			}
		}
		data = data[consumed:]
	}
	return data, nil
}

// lines ends a message at '\n', which is not part of it.
type lines struct {
	limit int
	seen  int // bytes known to hold no '\n'
}

func (l *lines) next(data []byte) (int, []byte, error) {
	end := bytes.IndexByte(data[l.seen:], '\n')
	if end < 0 {
		l.seen = len(data)
		if len(data) > l.limit {
			return 0, nil, errTooLong
		}
		return 0, nil, nil
	}
	end += l.seen
	l.seen = 0
	if end > l.limit {
		return 0, nil, errTooLong
	}
	return end + 1, data[:end:end], nil
}

// objects ends a message at the bracket that closes the object. It only finds the ends; whether what is inside is JSON
// the caller's parser decides. White space between objects is skipped.
type objects struct {
	limit             int
	seen, depth       int
	inString, escaped bool
}

func (o *objects) next(data []byte) (int, []byte, error) {
	if o.seen == 0 {
		if space := len(data) - len(bytes.TrimLeft(data, " \t\r\n")); space > 0 {
			return space, nil, nil
		}
		if data[0] != '{' {
			return 0, nil, errNotObject
		}
	}
	for ; o.seen < len(data) && o.seen < o.limit; o.seen++ {
		switch c := data[o.seen]; {
		case o.escaped:
			o.escaped = false
		case o.inString:
			o.escaped = c == '\\'
			o.inString = c != '"'
		case c == '"':
			o.inString = true
		case c == '{' || c == '[':
			o.depth++
		case c == '}' || c == ']':
			if o.depth--; o.depth == 0 {
				end := o.seen + 1
				*o = objects{limit: o.limit}
				return end, data[:end:end], nil
			}
		}
	}
	if len(data) > o.limit {
		return 0, nil, errTooLong
	}
	return 0, nil, nil
}
