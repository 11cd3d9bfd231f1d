import type { JsonObject } from '../lib/json-fields.ts';
import { rootConfigMapName, tokenAudience } from '../model/cluster-names.ts';
import { tokenSeconds, volumeNames } from './names.ts';

/** What the two containers share, and what they get from the cluster. */
export function volumes(): readonly JsonObject[] {
  return [
    { name: volumeNames.envoy, emptyDir: { medium: 'Memory' } },
    {
      name: volumeNames.podInfo,
      downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
    },
    {
      name: volumeNames.token,
      projected: {
        sources: [
          { serviceAccountToken: { audience: tokenAudience, expirationSeconds: tokenSeconds, path: 'istio-token' } },
        ],
      },
    },
    { name: volumeNames.root, configMap: { name: rootConfigMapName } },
  ];
}
