#!/usr/bin/env bash
# Who reaches whom: calls httpbin of each namespace from the sleep pod of each; as `matrix.sh tcp PORT`, tcp-echo.
# A cell shows the status, with curl's exit code where that isn't 0; for TCP what came back, or "closed".
set -euo pipefail

kind=${1:-http} port=${2:-9000}
namespaces=(foo bar legacy)
coxswain=$(dirname "$0")/../../bin/coxswain
talk='exec 3<>"/dev/tcp/$1/$2" && echo world >&3 && read -r -t 5 answer <&3 && echo "$answer"'

call() { # FROM TO
  if [ "$kind" = tcp ]; then
    "$coxswain" sandbox exec "sleep.$1" -- bash -c "$talk" talk "tcp-echo.$2" "$port" 2>/dev/null || echo closed
  else
    "$coxswain" sandbox exec "sleep.$1" -- curl -s -o /dev/null -w '%{http_code}' "http://httpbin.$2:8000/ip" || echo " exit $?"
  fi
}

row() { # FROM
  local cells
  cells=$(paste <(call "$1" foo) <(call "$1" bar) <(call "$1" legacy))
  IFS=$'\t' read -r -a cells <<<"$cells"
  printf '%-16s%-16s%-16s%s\n' "sleep.$1" "${cells[@]}"
}

target=httpbin
[ "$kind" != tcp ] || target=tcp-echo
printf '%-16s%-16s%-16s%s\n' 'from \ to' "${namespaces[@]/#/$target.}"
cat <(row foo) <(row bar) <(row legacy)
