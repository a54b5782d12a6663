package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const (
	epollPwait2 = 441 // waits as short as is wanted, where epoll_wait knows milliseconds
	patience    = 10 * time.Second
	number      = 1.0 / 65536 // a power of two, so that sums of numbers are exact
)

// arrivals returns when requests are due: by chance, as those of many clients are, whatever becomes of earlier ones.
func arrivals(rate float64, length time.Duration, seed uint64) []time.Duration {
	chance := rand.New(rand.NewPCG(seed, 0))
	var due []time.Duration
	for at := 0.0; ; {
		at += chance.ExpFloat64() / rate
		if moment := time.Duration(at * float64(time.Second)); moment < length {
			due = append(due, moment)
		} else {
			return due
		}
	}
}

// A sender is one thread that waits for nothing but the next arrival or the next answer.
type sender struct {
	queue     int
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
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, 1, 0) // else each wait is up to 50 us longer
	queue, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
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
		if now > end {
			s.Failed["unanswered"] += len(s.all) - len(s.idle)
			return
		}
		if len(due) > 0 && due[0] <= now {
			s.send(due[0])
			due = due[1:]
			continue
		}
		next := end
		if len(due) > 0 {
			next = due[0]
		}
		for _, socket := range s.readable(next - now) {
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
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(carrier.socket)}
	return carrier, syscall.EpollCtl(s.queue, syscall.EPOLL_CTL_ADD, carrier.socket, &event)
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
	for place, each := range s.idle {
		if each == carrier {
			s.idle = append(s.idle[:place], s.idle[place+1:]...)
			break
		}
	}
	syscall.Close(carrier.socket)
}

func (s *sender) readable(limit time.Duration) (sockets []int) {
	var events [64]syscall.EpollEvent
	timeout := syscall.NsecToTimespec(limit.Nanoseconds())
	count, _, problem := syscall.Syscall6(
		epollPwait2, uintptr(s.queue), uintptr(unsafe.Pointer(&events)), uintptr(len(events)),
		uintptr(unsafe.Pointer(&timeout)), 0, 0,
	)
	if problem != 0 { // a signal: it is asked again
		return nil
	}
	for _, event := range events[:count] {
		sockets = append(sockets, int(event.Fd))
	}
	return sockets
}
