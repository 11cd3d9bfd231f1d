import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { reflect } from '../../kube/reflector.ts';
import { isRecord } from '../../lib/is-record.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import { meshConfigMapKey, meshConfigMapName } from '../../model/cluster-names.ts';
import type { Finding } from '../../model/finding.ts';
import { defaultMesh, type Mesh } from '../../model/mesh.ts';
import type { Origin } from '../../model/object.ts';
import { readMeshFile } from '../mesh-file.ts';

export interface FollowMeshOptions extends Surroundings {
  readonly client: KubeClient;
  /** The root namespace: where the ConfigMap stands, and the root namespace of settings that name none. */
  readonly namespace: string;
  /** Name of the cluster: where findings say that they come from. */
  readonly cluster: string;
}

/**
 * What the mesh settings are by now. `broken`: there are errors among the findings, and no state without errors is known
 * since the start: the settings that people want can't be told, and defaults might be wider than those.
 */
export type MeshSettings =
  | { readonly kind: 'usable'; readonly mesh: Mesh; readonly findings: readonly Finding[] }
  | { readonly kind: 'broken'; readonly findings: readonly Finding[] };

/**
 * Follows the mesh settings of a cluster: key `mesh` of ConfigMap `istio` in the root namespace. The first value is what
 * holds at the start; without the ConfigMap, or the key, that is the defaults. Later values are changes. A broken edit
 * keeps the last good settings and says so. Ends when `signal` aborts.
 */
export async function* followMesh(
  options: FollowMeshOptions,
  signal: AbortSignal,
): AsyncGenerator<MeshSettings, void, void> {
  const { client, namespace, cluster, clock, random, log } = options;
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const fieldSelector = `metadata.name=${meshConfigMapName}`;
  const defaults: Mesh = { ...defaultMesh, rootNamespace: namespace };
  const reader = new MeshReader(defaults, { kind: 'cluster', cluster }, `ConfigMap/${namespace}/${meshConfigMapName}`);
  let text: string | undefined;
  let synced = false;
  let said: MeshSettings | undefined;
  for await (const batch of reflect({ client, path, fieldSelector, trim, clock, random, log }, signal)) {
    for (const event of batch) {
      if (event.type === 'put') text = textOf(event.object);
      else if (event.type === 'delete') text = undefined;
      else synced = true;
    }
    if (!synced) continue;
    const settings = reader.read(text);
    if (isDeepStrictEqual(settings, said)) continue;
    said = settings;
    yield settings;
  }
}

/** Reads one state of the settings after the other. */
class MeshReader {
  readonly #defaults: Mesh;
  readonly #origin: Origin;
  readonly #object: string;
  #lastGood: Mesh | undefined;

  constructor(defaults: Mesh, origin: Origin, object: string) {
    this.#defaults = defaults;
    this.#origin = origin;
    this.#object = object;
  }

  read(text: string | undefined): MeshSettings {
    const { mesh, findings: found } = readMeshFile(this.#object, text ?? '', this.#defaults);
    const findings = found.map((each): Finding => ({ ...each, object: this.#object, origin: this.#origin }));
    if (!findings.some(({ severity }) => severity === 'error')) {
      this.#lastGood = mesh;
      return { kind: 'usable', mesh, findings };
    }
    if (this.#lastGood === undefined) return { kind: 'broken', findings };
    return { kind: 'usable', mesh: this.#lastGood, findings: [...findings, this.#kept()] };
  }

  #kept(): Finding {
    return {
      severity: 'warning',
      code: 'last-good-kept',
      object: this.#object,
      origin: this.#origin,
      field: '',
      message: 'the mesh settings have errors: the last good ones stay in force',
      hint: '',
    };
  }
}

/** Other keys of the ConfigMap may be large, and mean nothing here. */
function trim({ metadata, data }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    data: isRecord(data) ? { [meshConfigMapKey]: data[meshConfigMapKey] } : {},
  };
}

function textOf({ data }: KubeObject): string | undefined {
  const text = isRecord(data) ? data[meshConfigMapKey] : undefined;
  return typeof text === 'string' ? text : undefined;
}
