module serinus.dev/benchmarks/load

go 1.24
