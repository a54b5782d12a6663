package main

import (
	"io"
	"net/http"
)

const prediction = `{"label": 1, "score": 0.83}`

// serve predicts the same for everybody, after it has read what it was asked.
func serve(address string) error {
	return http.ListenAndServe(address, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		io.Copy(io.Discard, request.Body)
		answer.Header().Set("Content-Type", "application/json")
		io.WriteString(answer, prediction)
	}))
}
