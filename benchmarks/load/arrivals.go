package main

import (
	"math/rand/v2"
	"time"
)

// arrivals returns when requests are due: by chance, as those of many clients are, whatever becomes of earlier ones.
func arrivals(rate float64, length time.Duration, seed uint64) []time.Duration {
	chance := rand.New(rand.NewPCG(seed, 0))
	var due []time.Duration
	for at := 0.0; ; {
		at += chance.ExpFloat64() / rate
		moment := time.Duration(at * float64(time.Second))
		if moment >= length {
			return due
		}
		due = append(due, moment)
	}
}
