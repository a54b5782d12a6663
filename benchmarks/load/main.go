// Command load stands on both sides of a proxy: it is a fast model, and it asks for predictions at a steady rate.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: load model|send FLAGS")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:8080", "where to listen, or whom to ask")
	rate := flags.Float64("rate", 1000, "requests a second")
	seconds := flags.Float64("seconds", 1, "how long to ask")
	seed := flags.Uint64("seed", 1, "of the moments at which requests are due")
	body := flags.String("body", "{}", "of each request; NUMBER becomes another number each time")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	if os.Args[1] == "model" {
		log.Fatal(serve(*address))
	}
	found, err := ask(*address, *body, arrivals(*rate, time.Duration(*seconds*float64(time.Second)), *seed))
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}
