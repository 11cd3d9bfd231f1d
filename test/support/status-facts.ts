import type { Spread, StreamFacts, ViewFacts } from '../../src/cluster/status/facts.ts';
import type { ProxyFacts } from '../../src/cluster/status/proxies.ts';
import { viewId } from '../../src/model/ids.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { ObjectMeta } from '../../src/model/object.ts';
import { types } from '../../src/model/type-urls.ts';

/** Builders for tests of status: short to write, every default visible here. */
export function view(namespace: string, labels: Readonly<Record<string, string>> = {}): ViewFacts {
  const text = Object.entries(labels).map(([key, value]) => ` ${key}=${value}`);
  return { id: viewId(`${namespace}/sidecar${text.join('')}`), namespace, kind: 'sidecar', labels };
}

export function proxy(id: string, of: ViewFacts, generation: number, refused = ''): ProxyFacts {
  return { id, name: `${id}.${of.namespace}`, view: of.id, generation, refused, connectedAt: 0 };
}

/** An ADS stream that has asked for clusters and listeners. */
export function stream(name: string, of: ViewFacts, generation: number, refused = ''): StreamFacts {
  return {
    proxy: { id: `sidecar~${name}`, name, namespace: of.namespace },
    view: of.id,
    aggregated: true,
    connectedAt: 0,
    types: [
      { type: types.cluster, generation, refused: '' },
      { type: types.listener, generation, refused },
    ],
  };
}

export function spread(key: string, more: Partial<Spread> = {}): Spread {
  const nothing = { applied: 0, enforced: 0, rejected: 0, overridden: 0, refusals: [] };
  return { key, uid: 'u1', generation: 1, ...nothing, ...more };
}

/** The object as another generation of itself. */
export function ofGeneration<T extends MeshObject>(object: T, generation: number, more: Partial<ObjectMeta> = {}): T {
  return { ...object, meta: { ...object.meta, uid: `uid of ${object.meta.name}`, generation, ...more } };
}
