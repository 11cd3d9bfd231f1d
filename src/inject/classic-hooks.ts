import { readinessPath, sidecarPorts } from '../agent/ports.ts';
import type { JsonObject } from '../lib/json-fields.ts';

/**
 * Hooks of a sidecar that is an ordinary container (clusters before Kubernetes 1.29). There the kubelet starts containers in
 * order, and waits for the postStart hook of one before it starts the next: the hook that waits for Envoy holds the app. And
 * it ends all containers at once: the preStop hook keeps Envoy until what is under way has ended.
 *
 * Both must run a program inside the container. An HTTP hook won't do: the kubelet runs it once, from outside, without trying
 * again, and a page that drains the sidecar must not be open to the network. The distroless Envoy has no program but
 * Envoy, hence the image with bash in this mode; bash itself speaks TCP, so nothing else is needed. The texts are
 * constants: nothing of the pod is ever part of a shell text.
 */
export function classicHooks(): JsonObject {
  return {
    postStart: { exec: { command: ['/bin/bash', '-c', holdScript] } },
    preStop: { exec: { command: ['/bin/bash', '-c', drainScript] } },
  };
}

const holdScript = `until exec 3<>/dev/tcp/127.0.0.1/${sidecarPorts.health} &&
  printf 'GET ${readinessPath} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 &&
  read -r -t 3 -u 3 _ status _ && [ "$status" = 200 ]
do sleep 0.2; done 2>/dev/null`;

/**
 * Inbound connections are asked to close, outbound ones stay open for the app's last calls. At least 5 s, while clients still
 * learn that the pod is going; then until no connection is left, at most 20 s of the 30 s that a pod has by default.
 */
const drainScript = `${adminScript()}
admin POST '/drain_listeners?graceful&inboundonly' >/dev/null 2>&1 || exit 0
sleep 5
for _ in {1..15}; do
  case "$(admin GET '/stats?filter=^server.total_connections$')" in *'server.total_connections: 0'*) exit 0 ;; esac
  sleep 1
done`;

/** Shell function `admin METHOD PATH`: asks Envoy's admin port, with bash alone. */
export function adminScript(): string {
  return `admin() {
  exec 3<>/dev/tcp/127.0.0.1/${sidecarPorts.admin} || return 1
  printf '%s %s HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' "$1" "$2" >&3
  cat <&3
}`;
}
