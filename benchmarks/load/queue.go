package main

import (
	"syscall"
	"time"
	"unsafe"
)

const epollPwait2 = 441 // waits as short as is wanted, where epoll_wait knows milliseconds

// A queue tells which sockets can be read. It is of the thread that made it.
type queue int

func newQueue() (queue, error) {
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, 1, 0) // else each wait is up to 50 us longer
	made, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return queue(made), err
}

func (q queue) add(socket int) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(socket)}
	return syscall.EpollCtl(int(q), syscall.EPOLL_CTL_ADD, socket, &event)
}

// readable waits until a socket can be read, but not longer than the limit.
func (q queue) readable(limit time.Duration) (sockets []int) {
	var events [64]syscall.EpollEvent
	timeout := syscall.NsecToTimespec(limit.Nanoseconds())
	count, _, problem := syscall.Syscall6(
		epollPwait2, uintptr(q), uintptr(unsafe.Pointer(&events)), uintptr(len(events)),
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
