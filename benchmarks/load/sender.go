package main

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	patience        = 10 * time.Second
	mostConnections = 1024        // as clients have a limit; a request that finds none free is late, not lost
	number          = 1.0 / 65536 // a power of two, so that sums of numbers are exact
)

// A sender is one thread that waits for nothing but the next arrival or the next answer.
type sender struct {
	queue     queue
	address   string
	target    syscall.Sockaddr
	body      string
	start     time.Time
	all       map[int]*connection
	idle      []*connection
	latencies []time.Duration
	report
}

// ask sends a request whenever one is due, and reports when all are answered.
func ask(address, body string, due []time.Duration) (report, error) {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return report{}, err
	}
	runtime.LockOSThread()
	queue, err := newQueue()
	if err != nil {
		return report{}, err
	}
	s := sender{
		queue:   queue,
		address: address,
		target:  &syscall.SockaddrInet4{Addr: target.Addr().As4(), Port: int(target.Port())},
		body:    body,
		start:   time.Now(),
		all:     map[int]*connection{},
		report:  report{Failed: map[string]int{}},
	}
	s.run(due)
	s.Processor, s.Microseconds = processorSeconds(), summary(s.latencies)
	return s.report, nil
}

func (s *sender) run(due []time.Duration) {
	end := patience
	if len(due) > 0 {
		end += due[len(due)-1]
	}
	for len(due) > 0 || len(s.idle) < len(s.all) {
		now := time.Since(s.start)
		if now >= end {
			s.Failed["unanswered"] += len(s.all) - len(s.idle) + len(due)
			return
		}
		next := end
		if len(due) > 0 && s.free() {
			next = due[0]
		}
		if next <= now {
			s.send(due[0])
			due = due[1:]
			continue
		}
		for _, socket := range s.queue.readable(next - now) {
			s.receive(s.all[socket])
		}
	}
}

func (s *sender) send(due time.Duration) {
	request := s.next()
	carrier, err := s.take()
	if err != nil {
		s.Failed[err.Error()]++
		return
	}
	carrier.due, carrier.busy = due, true
	if count, err := syscall.Write(carrier.socket, request); err != nil || count < len(request) {
		s.Failed[fmt.Sprintf("write: %v", err)]++
		s.drop(carrier)
	}
}

// next returns a request that is like no other.
func (s *sender) next() []byte {
	told := float64(s.Sent) * number
	s.Sent++
	s.Numbers += told
	body := strings.Replace(s.body, "NUMBER", strconv.FormatFloat(told, 'f', -1, 64), 1)
	head := "POST /predict HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
	return fmt.Appendf(nil, head, s.address, len(body), body)
}

func (s *sender) free() bool {
	return len(s.idle) > 0 || len(s.all) < mostConnections
}

// take returns the connection that was used last, as clients do, or a new one.
func (s *sender) take() (*connection, error) {
	if last := len(s.idle) - 1; last >= 0 {
		carrier := s.idle[last]
		s.idle = s.idle[:last]
		return carrier, nil
	}
	carrier, err := connect(s.target)
	if err != nil {
		return nil, err
	}
	s.Connections++
	s.all[carrier.socket] = carrier
	return carrier, s.queue.add(carrier.socket)
}

func (s *sender) receive(carrier *connection) {
	now := time.Since(s.start)
	answer, err := carrier.hear()
	switch {
	case err != nil:
		if carrier.busy {
			s.Failed[err.Error()]++
		}
		s.drop(carrier)
		return
	case answer == nil:
		return
	case answer.StatusCode != 200:
		s.Failed[answer.Status]++
	default:
		s.Answered++
		s.latencies = append(s.latencies, now-carrier.due)
		if answer.Header.Get("X-Serinus-Receipt") != "" {
			s.Receipts++
		}
	}
	carrier.busy = false
	s.idle = append(s.idle, carrier)
	if answer.Close {
		s.drop(carrier)
	}
}

func (s *sender) drop(carrier *connection) {
	delete(s.all, carrier.socket)
	s.idle = slices.DeleteFunc(s.idle, func(each *connection) bool { return each == carrier })
	syscall.Close(carrier.socket)
}
