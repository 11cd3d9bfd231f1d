#!/usr/bin/env bash
# Makes a kind cluster with the control plane and the pods of examples/istioinaction. Again: changes nothing that is right.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cluster=coxswain
context=kind-$cluster
image=coxswain:0.1.0
apps=coxswain-examples:0.1.0

for tool in docker kind kubectl; do
  command -v "$tool" >/dev/null || {
    echo "up: $tool is not installed" >&2
    exit 1
  }
done

say() { printf '\n%s\n' "$*"; }
kube() { kubectl --context "$context" "$@"; }

say 'Images'
docker build --tag "$image" "$root"
docker build --tag "$apps" --file "$here/apps.Dockerfile" "$root"

say 'Cluster'
if ! kind get clusters | grep -qx "$cluster"; then
  kind create cluster --config "$here/cluster.yaml" --wait 120s
fi
kind load docker-image "$image" "$apps" --name "$cluster"

say 'Control plane'
# No Node is needed here: the image prints its own manifests.
docker run --rm "$image" install --image "$image" |
  kube apply --server-side --force-conflicts --field-manager coxswain-install --filename -
kube --namespace istio-system rollout status deployment/coxswain --timeout 180s

say 'Pods'
kube apply --filename "$here/apps.yaml"
for deployment in catalog webapp; do
  kube --namespace istioinaction rollout status "deployment/$deployment" --timeout 180s
done
kube --namespace default rollout status deployment/sleep --timeout 180s

say "Ready. Next: $here/walk.sh; at the end: $here/down.sh"
