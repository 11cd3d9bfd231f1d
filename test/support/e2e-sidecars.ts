import type { PolicyObject } from './e2e-policies.ts';
import type { OutboundMode } from './e2e-service-entries.ts';

/** A Sidecar as a document, for the pods of one app or of a whole namespace. */
export function sidecar(namespace: string, spec: object, app?: string): PolicyObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: app ?? 'default', namespace },
    spec: { ...(app === undefined ? {} : { workloadSelector: { labels: { app } } }), ...spec },
  };
}

/** What all sidecars must know, so that a test can tell when they have seen the rest: see e2e-mesh.ts. */
export const fence = 'legacy/fence.legacy.svc.cluster.local';

/** One that imports these hosts, as `namespace/host`, on every port. */
export const importing = (
  namespace: string,
  hosts: readonly string[],
  mode?: OutboundMode,
  app?: string,
): PolicyObject =>
  sidecar(
    namespace,
    {
      egress: [{ hosts: [...hosts, fence] }],
      ...(mode === undefined ? {} : { outboundTrafficPolicy: { mode } }),
    },
    app,
  );
