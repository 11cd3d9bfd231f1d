#!/usr/bin/env bash
# Brings the pinned Node into .tools. It comes out of the npm registry, because that is all a machine needs to reach.
set -euo pipefail
version=$1
cd "$(dirname "$0")/../.."

command -v npm >/dev/null || {
  echo "setup: npm is missing. Install Node.js with npm (on Debian: apt-get install nodejs npm) and try again." >&2
  exit 1
}
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-x64 ;;
  Linux-aarch64) platform=linux-arm64 ;;
  *)
    echo "setup: Coxswain needs Linux on x86_64 or aarch64, this is $(uname -s) on $(uname -m)." >&2
    exit 1
    ;;
esac

target=.tools/node-$version
node=$target/node_modules/node-$platform/bin/node
if [ ! -x "$node" ]; then
  echo "setup: Node $version"
  npm install --prefix "$target" --no-save --no-package-lock --no-audit --no-fund --loglevel=error \
    "node-$platform@$version" >/dev/null
fi
mkdir -p .tools/bin
ln -sfn "../node-$version/node_modules/node-$platform/bin/node" .tools/bin/node
.tools/bin/node --version >/dev/null
