#!/usr/bin/env bash
# Goes through PeerAuthentication step by step, and checks at each step who reaches whom. Ends with the policies removed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
policies=$(cd "$here/../istioinaction/policies" && pwd)
context=kind-coxswain
failed=0

kube() { kubectl --context "$context" "$@"; }

# The status that `sleep`, outside of the mesh, gets; 000 where there is no HTTP answer.
status() { # HOST/PATH
  kube --namespace default exec deployment/sleep --container sleep -- \
    curl --silent --output /dev/null --write-out '%{http_code}' --max-time 5 "http://$1" 2>/dev/null || true
}

# An edit takes a moment to reach the sidecars, so each step has ten seconds.
expect() { # STATUS HOST/PATH
  local got='' _
  for _ in {1..50}; do
    got=$(status "$2")
    [ "$got" != "$1" ] || break
    sleep 0.2
  done
  if [ "$got" = "$1" ]; then
    printf '  ok    sleep -> %-36s %s\n' "$2" "$got"
  else
    printf '  FAIL  sleep -> %-36s %s, expected %s\n' "$2" "$got" "$1"
    failed=1
  fi
}

clear_policies() {
  kube delete --ignore-not-found --filename "$policies/mesh-strict.yaml" --filename "$policies/namespace-permissive.yaml" \
    --filename "$policies/workload-permissive.yaml" >/dev/null
}
trap clear_policies EXIT
clear_policies

step() { printf '\n%s\n' "$*"; }

step 'No policy: a sidecar takes mutual TLS and plaintext'
expect 200 webapp.istioinaction/api/catalog

step 'The whole mesh STRICT'
kube apply --filename "$policies/mesh-strict.yaml"
expect 000 webapp.istioinaction/api/catalog

step 'Namespace istioinaction PERMISSIVE: the narrower policy wins'
kube apply --filename "$policies/namespace-permissive.yaml"
expect 200 webapp.istioinaction/api/catalog

step 'Without it the word of the mesh counts again'
kube --namespace istioinaction delete pa default
expect 000 webapp.istioinaction/api/catalog

step 'Workload webapp PERMISSIVE, catalog as the mesh says'
kube apply --filename "$policies/workload-permissive.yaml"
expect 200 webapp.istioinaction/api/catalog
expect 000 catalog.istioinaction/api/items

step 'Who called catalog, by its certificate'
headers=$(kube --namespace istioinaction exec deployment/webapp --container webapp -- \
  node -e 'fetch("http://catalog.istioinaction/headers").then(async (answer) => console.log(await answer.text()))')
wanted=spiffe://cluster.local/ns/istioinaction/sa/webapp
if [[ $headers == *"URI=$wanted"* ]]; then
  printf '  ok    %s\n' "$wanted"
else
  printf '  FAIL  no %s in %s\n' "$wanted" "$headers"
  failed=1
fi

step 'What the control plane says about it'
kube get peerauthentications --all-namespaces

[ "$failed" = 0 ] || { printf '\nSome steps failed.\n' && exit 1; }
printf '\nAll steps as expected.\n'
