#!/usr/bin/env bash
# Brings an external authorizer that we did not write into .tools/ext-authz-VERSION: the sample that Istio's own guides use,
# which speaks gRPC and HTTP. Built from its Go module (two to four minutes on two cores, once).
set -euo pipefail
version=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=$PWD/.tools/ext-authz-$version
mkdir -p "$target"
# One build at a time: `make test` begins it beside its first layers, and comes back for it.
exec 9>"$target/.lock"
flock 9
[ ! -x "$target/extauthz" ] || exit 0

command -v go >/dev/null || {
  echo "setup: Go (1.26 or newer) is missing; it builds the external authorizer of the tests. Install it and try again." >&2
  exit 1
}
grep -q "istio.io/istio v$version\( \|\$\)" "$here/ext-authz/go.mod" || {
  echo "setup: scripts/setup/ext-authz/go.mod names another version than $version" >&2
  exit 1
}
echo "setup: external authorizer $version (this takes some minutes, once)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here/ext-authz"
# An older Go fetches the one that the module asks for.
GOTOOLCHAIN=auto go build -mod=readonly -trimpath -ldflags '-s -w' -o "$work/" istio.io/istio/samples/extauthz/cmd/extauthz
mv "$work/extauthz" "$target/"
