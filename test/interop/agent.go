// An agent of the standard in Go with gorilla/websocket, written from the documents alone. It knows
// `ping`. Usage: TOKEN=… agent ws://HOST:PORT/agent
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const heartbeat = time.Second

type object = map[string]any

var (
	shape   = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|\+00:00)$`)
	answers = map[string][]byte{}
)

func write(kind string, payload object, requestID string) []byte {
	message := object{
		"type":      kind,
		"timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"payload":   payload,
	}
	if requestID != "" {
		message["request_id"] = requestID
	}
	text, _ := json.Marshal(message)
	return text
}

func refuse(code, message, requestID string) []byte {
	return write("error", object{"code": code, "message": message}, requestID)
}

func isName(value any) (string, bool) {
	text, ok := value.(string)
	return text, ok && text != "" && utf8.RuneCountInString(text) <= 128
}

func isTimestamp(value any) bool {
	text, ok := value.(string)
	if !ok {
		return false
	}
	match := shape.FindStringSubmatch(text)
	if match == nil {
		return false
	}
	_, err := time.Parse("2006-01-02", match[1])
	return err == nil
}

func depth(value any) int {
	deepest := 0
	inside := func(each any) {
		if found := depth(each); found > deepest {
			deepest = found
		}
	}
	switch value := value.(type) {
	case object:
		for _, each := range value {
			inside(each)
		}
	case []any:
		for _, each := range value {
			inside(each)
		}
	default:
		return 0
	}
	return 1 + deepest
}

// The answer to a text; nil where there is none.
func answer(text []byte) []byte {
	var decoded any
	if json.Unmarshal(text, &decoded) != nil {
		return refuse("MALFORMED", "message is not JSON", "unknown")
	}
	message, ok := decoded.(object)
	if !ok {
		return refuse("MALFORMED", "message must be an object", "unknown")
	}
	id, hasID := isName(message["request_id"])
	if !hasID {
		id = "unknown"
	}
	kind, isText := message["type"].(string)
	switch {
	case kind == "error":
		return nil
	case !isText:
		return refuse("MALFORMED", "type must be a text", id)
	case depth(message) > 32:
		return refuse("MALFORMED", "message is nested too deep", id)
	case kind == "response" || kind == "heartbeat" || kind == "status_update":
		return refuse("FORBIDDEN", "this peer may not send this type", id)
	case kind != "command":
		return refuse("UNSUPPORTED_TYPE", "message type is unknown", id)
	}
	payload, isObject := message["payload"].(object)
	command, isCommand := isName(payload["command"])
	isValid := hasID && isTimestamp(message["timestamp"]) && isObject && isCommand
	if parameters, given := payload["parameters"]; given {
		_, isObject := parameters.(object)
		isValid = isValid && isObject
	}
	if !isValid {
		return refuse("MALFORMED", "a field is missing or wrong", id)
	}
	if done, known := answers[id]; known {
		return done
	}
	done := write("response", object{"status": "success", "message": "pong"}, id)
	if command != "ping" {
		done = refuse("INVALID_COMMAND", fmt.Sprintf("The command '%s' is not recognized.", command), id)
	}
	answers[id] = done
	return done
}

func connect(url string) {
	headers := http.Header{"Authorization": {"Bearer " + os.Getenv("TOKEN")}}
	socket, _, err := websocket.DefaultDialer.Dial(url, headers)
	if err != nil {
		return
	}
	defer socket.Close()
	socket.SetReadLimit(65_536)
	var lock sync.Mutex
	send := func(text []byte) {
		lock.Lock()
		defer lock.Unlock()
		_ = socket.WriteMessage(websocket.TextMessage, text)
	}
	end := func(code int) {
		lock.Lock()
		defer lock.Unlock()
		_ = socket.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""))
	}
	beat := func() {
		send(write("heartbeat", object{}, ""))
		send(write("status_update", object{"cpu_usage": "30%", "memory_usage": "1.5GB"}, ""))
	}
	beat()
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-ticker.C:
				beat()
			case <-done:
				return
			}
		}
	}()
	for {
		kind, text, err := socket.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.BinaryMessage {
			end(websocket.CloseUnsupportedData)
			return
		}
		if !utf8.Valid(text) {
			end(websocket.CloseInvalidFramePayloadData)
			return
		}
		if reply := answer(text); reply != nil {
			send(reply)
		}
	}
}

func main() {
	wait := 200 * time.Millisecond
	for {
		connect(os.Args[1])
		time.Sleep(wait)
		if wait = wait * 3 / 2; wait > 2*time.Second {
			wait = 2 * time.Second
		}
	}
}
