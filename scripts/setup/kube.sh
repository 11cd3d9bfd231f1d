#!/usr/bin/env bash
# Brings a real Kubernetes API into .tools/kube-VERSION: etcd, kube-apiserver and kube-controller-manager, built from their
# Go modules, because that is all a machine needs to reach (about five minutes on two cores, once). kubectl too, where the
# machine has none.
set -euo pipefail
version=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=$PWD/.tools/kube-$version
programs=(etcd kube-apiserver kube-controller-manager)
command -v kubectl >/dev/null || programs+=(kubectl)
mkdir -p "$target"
# One build at a time: `make test` begins it beside its first layers, and comes back for it.
exec 9>"$target/.lock"
flock 9
missing=()
for program in "${programs[@]}"; do
  [ -x "$target/$program" ] || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v go >/dev/null || {
  echo "setup: Go (1.24 or newer) is missing; it builds the Kubernetes API server. Install it (on Debian: apt-get install golang-go) and try again." >&2
  exit 1
}
grep -q "k8s.io/kubernetes v$version\$" "$here/kube/go.mod" || {
  echo "setup: scripts/setup/kube/go.mod names another Kubernetes version than $version" >&2
  exit 1
}
echo "setup: Kubernetes $version (${missing[*]}; this takes some minutes, once)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here/kube"
# One after the other: linking two of them at once needs twice the memory. The version is what the server calls itself.
flags="-s -w -X k8s.io/component-base/version.gitVersion=v$version"
for program in "${missing[@]}"; do
  go build -mod=readonly -trimpath -ldflags "$flags" -o "$work/" "./cmd/$program"
done
mv "$work"/* "$target/"
[ ! -e "$target/kubectl" ] || ln -sfn "../kube-$version/kubectl" "$target/../bin/kubectl"
