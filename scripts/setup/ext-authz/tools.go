//go:build tools

// Package tools names what ext-authz.sh builds, so that `go mod tidy` keeps it.
package tools

import _ "istio.io/istio/samples/extauthz/cmd/extauthz"
