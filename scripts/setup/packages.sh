#!/usr/bin/env bash
# Debian packages, installed only where a command is missing. Without root or apt it says what to install.
# Usage: packages.sh WHAT-FOR COMMAND:PACKAGE...
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
purpose=$1
shift

missing=()
for pair in "$@"; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

mapfile -t packages < <(printf '%s\n' "${missing[@]}" | sort -u)
command=(apt-get install --yes --no-install-recommends "${packages[@]}")
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "setup: $purpose: these system packages are missing: ${packages[*]}" >&2
  echo "setup: run as root: ${command[*]} (or their like on another system), then try again." >&2
  exit 1
fi
echo "setup: $purpose: system packages ${packages[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && "${command[@]}"; } >"$log" 2>&1 || {
  cat "$log" >&2
  echo "setup: could not install ${packages[*]}" >&2
  exit 1
}
