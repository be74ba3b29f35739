// The TCP chat dialects: a table of what differs between them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

type dialect struct {
	framing   func() framing
	introduce func(m *member) string // the prefix of what the member says
	greet     func(m *member) string // to the newcomer alone
	enter     func(m *member) string // to those already there
	left      func(m *member) string // to those who stay
	// say appends to room what the room is to get for one message; an error ends the member's stay.
	say      func(room []byte, m *member, message []byte) ([]byte, error)
	toSender bool   // the room is everyone, the sender too
	tooLong  string // the last word to a member whose message is over the limit
	console  bool   // the operator's standard input is a voice in the room
}

func textLines() framing         { return &lines{limit: maxLine} }
func nothing(m *member) string   { return "" }
func bracketed(m *member) string { return "[" + m.address + "]: " }

func prefixed(room []byte, m *member, message []byte) ([]byte, error) {
	room = append(room, m.prefix...)
	room = append(room, message...)
	return append(room, '\n'), nil
}

var bracket = dialect{
	framing:   textLines,
	introduce: bracketed,
	say:       prefixed,
	tooLong:   "[Server]: line too long\n",
	console:   true,
}

var welcome = dialect{
	framing:   textLines,
	introduce: func(m *member) string { return fmt.Sprintf("%d:", m.number) },
	greet:     func(m *member) string { return fmt.Sprintf("Welcome %d\n", m.number) },
	enter:     func(m *member) string { return fmt.Sprintf("User:%dhas enter\n", m.number) },
	left:      func(m *member) string { return fmt.Sprintf("User:%dhas left\n", m.number) },
	say: func(room []byte, m *member, line []byte) ([]byte, error) {
		return prefixed(room, m, bytes.TrimSuffix(line, []byte("\r")))
	},
	toSender: true,
}

func stampedJoin(m *member) string {
	return fmt.Sprintf("[SERVER] Client %d joined the chat.\n", m.number)
}

var stamped = dialect{
	framing:   textLines,
	introduce: nothing,
	greet:     stampedJoin, // notices go to all, the newcomer too
	enter:     stampedJoin,
	left:      func(m *member) string { return fmt.Sprintf("[SERVER] Client %d left the chat.\n", m.number) },
	say: func(room []byte, m *member, line []byte) ([]byte, error) {
		if saysExit(line) {
			return room, errLeft
		}
		return prefixed(room, m, line)
	},
}

// saysExit knows "exit" bare and after a stamp, as "1700000000:exit".
func saysExit(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if !bytes.HasSuffix(line, []byte("exit")) {
		return false
	}
	stamp := line[:len(line)-len("exit")]
	if len(stamp) == 0 {
		return true
	}
	digits := stamp[:len(stamp)-1]
	return stamp[len(stamp)-1] == ':' && len(digits) > 0 && len(bytes.Trim(digits, "0123456789")) == 0
}

func jsonJoin(m *member) string {
	return fmt.Sprintf(`{"data_source":"server","data":"%s joined"}`+"\n", m.address)
}

var jsonObjects = dialect{
	framing:   func() framing { return &objects{limit: maxLine} },
	introduce: func(m *member) string { return fmt.Sprintf(`{"data_source":"%s","data":`, m.address) },
	greet:     jsonJoin, // everyone online gets it, the newcomer too
	enter:     jsonJoin,
	left: func(m *member) string {
		return fmt.Sprintf(`{"data_source":"server","data":"%s left"}`+"\n", m.address)
	},
	say: func(room []byte, m *member, message []byte) ([]byte, error) {
		// The text stays the JSON string that came: decoding and encoding it again could only change it.
		var object struct {
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(message, &object); err != nil {
			return room, err
		}
		if len(object.Data) == 0 || object.Data[0] != '"' || !utf8.Valid(object.Data) {
			return room, errNotObject
		}
		room = append(room, m.prefix...)
		room = append(room, object.Data...)
		return append(room, "}\n"...), nil
	},
	toSender: true,
}
