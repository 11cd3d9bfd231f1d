#!/usr/bin/env bash
# A real browser, and the tools by which a person's certificates get into it.
set -euo pipefail
exec "$(dirname "$0")/packages.sh" browser chromium:chromium certutil:libnss3-tools pk12util:libnss3-tools \
  unshare:util-linux openssl:openssl
