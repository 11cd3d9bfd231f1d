#!/usr/bin/env bash
# The Debian packages behind the sandbox and the tests: installed only where a command is missing.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

missing=()
need() {
  command -v "$1" >/dev/null || missing+=("$2")
}
need iptables iptables
need ip iproute2
need tcpdump tcpdump
need openssl openssl
need curl curl
need nsenter util-linux
need setpriv util-linux
need sysctl procps
need ps procps
[ ${#missing[@]} -gt 0 ] || exit 0

mapfile -t packages < <(printf '%s\n' "${missing[@]}" | sort -u)
command=(apt-get install --yes --no-install-recommends "${packages[@]}")
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "setup: these system packages are missing: ${packages[*]}" >&2
  echo "setup: run as root: ${command[*]} (or their like on another system), then try again." >&2
  exit 1
fi
echo "setup: system packages ${packages[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && "${command[@]}"; } >"$log" 2>&1 || {
  cat "$log" >&2
  echo "setup: could not install ${packages[*]}" >&2
  exit 1
}
