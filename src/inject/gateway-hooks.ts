import type { JsonObject } from '../lib/json-fields.ts';
import { adminScript } from './classic-hooks.ts';

/**
 * The preStop hook of a gateway: its health port says no from now on, and callers are asked to close, on each answer, while new
 * ones are still taken, because load balancers learn late that the pod is going. At least 5 s; then until no connection is left, at most 20 s of the 30 s
 * that a pod has by default. A constant text, run in the container for the reason that classic-hooks.ts gives.
 */
export function gatewayHooks(): JsonObject {
  return { preStop: { exec: { command: ['/bin/bash', '-c', drainScript] } } };
}

const drainScript = `${adminScript()}
admin POST /healthcheck/fail >/dev/null 2>&1 || exit 0
admin POST '/drain_listeners?graceful&skip_exit' >/dev/null
sleep 5
for _ in {1..15}; do
  case "$(admin GET '/stats?filter=^server.total_connections$')" in *'server.total_connections: 0'*) exit 0 ;; esac
  sleep 1
done`;
