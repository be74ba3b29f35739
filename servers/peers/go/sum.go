// The request and the reply that the three sum protocols share. Integers stay integers: nothing passes through a float.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

const maxRequest = 256

var (
	errRequestTooLong = errors.New("the request is over 256 bytes")
	errCutShort       = errors.New("the request is cut short")
	errRequest        = errors.New(`the request is not an object such as {"A":7,"B":4}`)
	errOperand        = errors.New("A and B must be 64-bit integers")
	errSum            = errors.New("the sum is outside the 64-bit integers")
)

type sumRequest struct {
	a, b int64
	id   json.RawMessage // as it came, nil if it did not
}

// parseSum takes exactly one object of A, B and perhaps Id, each once, under exactly these names.
func parseSum(text []byte) (request sumRequest, err error) {
	if len(text) > maxRequest {
		return request, errRequestTooLong
	}
	if !utf8.Valid(text) {
		return request, errRequest
	}
	tokens := json.NewDecoder(bytes.NewReader(text))
	if first, err := tokens.Token(); err != nil || first != json.Delim('{') {
		return request, errRequest
	}
	fields := make(map[string]json.RawMessage, 3)
	for tokens.More() {
		name, err := tokens.Token()
		if err != nil {
			return request, errRequest
		}
		var value json.RawMessage
		if err := tokens.Decode(&value); err != nil {
			return request, errRequest
		}
		if _, twice := fields[name.(string)]; twice {
			return request, errRequest
		}
		fields[name.(string)] = value
	}
	if _, err := tokens.Token(); err != nil { // the closing bracket
		return request, errRequest
	}
	if _, err := tokens.Token(); err != io.EOF {
		return request, errRequest
	}

	known := 2
	if id, ok := fields["Id"]; ok {
		if id[0] == '{' || id[0] == '[' {
			return request, errRequest
		}
		request.id = id
		known++
	}
	a, hasA := fields["A"]
	b, hasB := fields["B"]
	if !hasA || !hasB || len(fields) != known {
		return request, errRequest
	}
	// JSON has no leading plus or zero, so what ParseInt takes of a JSON value is a JSON integer.
	var errA, errB error
	request.a, errA = strconv.ParseInt(string(a), 10, 64)
	request.b, errB = strconv.ParseInt(string(b), 10, 64)
	if errA != nil || errB != nil {
		return request, errOperand
	}
	return request, nil
}

// appendSum appends the reply to one request, without a line end, and says whether it is a sum.
func appendSum(reply, text []byte, withID bool) ([]byte, bool) {
	request, err := parseSum(text)
	sum := request.a + request.b
	if err == nil && (sum^request.a)&(sum^request.b) < 0 {
		err = errSum // both operands have the sign that the sum has not
	}
	if err != nil {
		reply = appendError(reply, err)
	} else {
		reply = append(reply, `{"Sum":`...)
		reply = strconv.AppendInt(reply, sum, 10)
		reply = append(reply, '}')
	}
	if withID && request.id != nil {
		reply = append(reply[:len(reply)-1], `,"Id":`...)
		reply = append(reply, request.id...)
		reply = append(reply, '}')
	}
	return reply, err == nil
}

func appendError(reply []byte, err error) []byte {
	quoted, _ := json.Marshal(err.Error())
	reply = append(reply, `{"Error":`...)
	reply = append(reply, quoted...)
	return append(reply, '}')
}
