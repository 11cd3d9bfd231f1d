#!/usr/bin/env bash
# What goes over the wire between productpage and details while the user looks at the page: listens in the pod of productpage,
# and tells what can be read. With a FILE it keeps the capture, for Wireshark: capture.sh mtls.pcap
set -euo pipefail

coxswain=$(dirname "$0")/../../bin/coxswain
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packets=${1:-$work/packets}

details=$("$coxswain" sandbox address details-v1.bookinfo)
"$coxswain" sandbox exec productpage-v1.bookinfo --user root -- \
  timeout 2 tcpdump -i eth0 --immediate-mode -U -w - tcp and host "$details" >"$packets" 2>"$work/said" &
until grep -q 'listening on' "$work/said" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
if ! grep -q 'listening on' "$work/said"; then
  cat "$work/said" >&2
  exit 1
fi
"$coxswain" sandbox exec user.internet -- curl -s -o /dev/null http://istio-ingressgateway.istio-system/productpage
wait || true

read_back() { tcpdump -n -r - "$@" <"$packets" 2>/dev/null; }

echo "readable:"
read_back -A | grep -a -o -e 'GET /details/0 HTTP/1.1' -e '"author":"[^"]*"' | sed 's/^/  /' | sort -u | grep . || echo "  nothing"
echo "TLS records:"
# A record of application data begins with the bytes 17 03.
records=$(read_back 'tcp[((tcp[12] & 0xf0) >> 2):2] = 0x1703' | wc -l)
if [ "$records" -gt 0 ]; then echo "  yes"; else echo "  none"; fi
