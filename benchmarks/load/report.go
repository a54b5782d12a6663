package main

import (
	"slices"
	"syscall"
	"time"
)

// A report says what became of the requests. Its times are in microseconds, from the moment a request was due.
type report struct {
	Sent         int            `json:"sent"`
	Numbers      float64        `json:"numbers"` // the sum of those that were put into the bodies
	Answered     int            `json:"answered"`
	Receipts     int            `json:"receipts"`
	Failed       map[string]int `json:"failed"`
	Connections  int            `json:"connections"`
	Microseconds map[string]int `json:"microseconds"`
	Processor    float64        `json:"processor"` // seconds that asking took
}

func processorSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func summary(latencies []time.Duration) map[string]int {
	slices.Sort(latencies)
	named := map[string]int{}
	for name, share := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1} {
		if last := len(latencies) - 1; last >= 0 {
			named[name] = int(latencies[int(share*float64(last))].Microseconds())
		}
	}
	return named
}
