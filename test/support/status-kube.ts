import type { KubeObject } from '../../src/kube/object.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import { FakeKube, settle } from './fake-kube.ts';

export const group = '/apis/security.istio.io';
export const kindPath = {
  PeerAuthentication: `${group}/v1/peerauthentications`,
  AuthorizationPolicy: `${group}/v1/authorizationpolicies`,
  RequestAuthentication: `${group}/v1/requestauthentications`,
} as const;
export const reportsPath = '/api/v1/namespaces/istio-system/configmaps';

/** A fake API with our CRDs, and a clock that moves with it. */
export function statusKube(): { readonly kube: FakeKube; readonly clock: FakeClock } {
  const kube = new FakeKube();
  const kinds = Object.entries(kindPath);
  const names = kinds.map(([, path]) => path.slice(`${group}/v1/`.length));
  kube.documents.set(`${group}/v1`, { resources: names.flatMap((name) => [{ name }, { name: `${name}/status` }]) });
  kube.documents.set(`/openapi/v3${group}/v1`, {
    components: { schemas: Object.fromEntries(kinds.map(([kind]) => [kind, schema(kind, 'map')])) },
  });
  for (const [, path] of kinds) kube.collection(path);
  kube.collection(reportsPath);
  return { kube, clock: new FakeClock(Date.parse('2026-01-01T00:00:00Z')) };
}

/** What `/openapi/v3` says of one kind. */
export function schema(kind: string, listType: string | undefined): object {
  const conditions = listType === undefined ? {} : { 'x-kubernetes-list-type': listType };
  return {
    'x-kubernetes-group-version-kind': [{ group: 'security.istio.io', version: 'v1', kind }],
    properties: { status: { properties: { conditions } } },
  };
}

export function stored(
  namespace: string,
  name: string,
  generation: number,
  conditions: readonly object[] = [],
): KubeObject {
  return { metadata: { namespace, name, uid: `uid of ${name}`, generation }, spec: {}, status: { conditions } };
}

/** Moves the clock, and lets what it wakes come to an end. */
export async function advance(clock: FakeClock, ms: number, step = 100): Promise<void> {
  for (let at = 0; at < ms; at += step) {
    clock.advance(step);
    await settle();
  }
}

/** The conditions of an object by type, as `status reason@generation: message`. */
export function said(kube: FakeKube, kind: keyof typeof kindPath, key: string): Readonly<Record<string, string>> {
  const status = kube.find(kindPath[kind], key)?.['status'];
  const conditions = typeof status === 'object' && status !== null && 'conditions' in status ? status.conditions : [];
  const list: readonly Record<string, unknown>[] = Array.isArray(conditions) ? conditions : [];
  return Object.fromEntries(
    list.map((each) => [
      String(each['type']),
      `${each['status']} ${each['reason']}@${each['observedGeneration']}: ${each['message']}`,
    ]),
  );
}
