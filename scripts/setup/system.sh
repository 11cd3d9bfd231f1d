#!/usr/bin/env bash
# The Debian packages behind the sandbox and the tests.
set -euo pipefail
exec "$(dirname "$0")/packages.sh" 'sandbox and tests' iptables:iptables ip:iproute2 tcpdump:tcpdump openssl:openssl curl:curl \
  nsenter:util-linux setpriv:util-linux sysctl:procps ps:procps
