// Nothing is compiled here: the CRDs are copied out of the module. "go mod tidy" would drop the requirement;
// after a change of version run "go mod download sigs.k8s.io/gateway-api" for go.sum.
module serinus.dev/tests/cluster/parts/gateway-api

go 1.24.0

require sigs.k8s.io/gateway-api v1.5.1
