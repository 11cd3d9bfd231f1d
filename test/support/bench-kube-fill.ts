import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../src/kube/object.ts';
import type { KubeCluster } from './kube-cluster.ts';

const namespace = 'many';
/** Where the pods are. */
export const manyPods = `/api/v1/namespaces/${namespace}/pods`;

/** A pod of ordinary size, some 6 kB of JSON with what the server adds, in a namespace of its own: what the others are copies of. */
export async function firstPod({ client }: KubeCluster): Promise<KubeObject> {
  await client.create('/api/v1/namespaces', { metadata: { name: namespace } });
  const env = Array.from({ length: 20 }, (_, i) => ({ name: `SETTING_${i}`, value: `value ${i} of this pod` }));
  return await client.create(manyPods, {
    metadata: { name: 'web-0', namespace, labels: { app: 'web', version: 'v1' } },
    spec: {
      containers: [
        {
          name: 'app',
          image: 'example/app:1',
          env,
          ports: [{ name: 'http', containerPort: 8080 }],
          resources: { requests: { cpu: '100m', memory: '64Mi' } },
        },
        { name: 'log', image: 'example/log:1', env },
      ],
    },
  });
}

/**
 * Copies a pod, as it is stored, into etcd, under the numbers `from` to `last`: through the API server it would take
 * minutes, and prove nothing more.
 */
export async function fillPods(cluster: KubeCluster, pod: KubeObject, from: number, last: number): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const stored = { ...pod, apiVersion: 'v1', kind: 'Pod' };
  const putOf = (n: number): object => {
    const { resourceVersion: _, ...metadata } = { ...pod.metadata, name: `web-${n}`, uid: randomUUID() };
    const value = base64(JSON.stringify({ ...stored, metadata }));
    return { requestPut: { key: base64(`/registry/pods/${namespace}/web-${n}`), value } };
  };
  const perTransaction = 100;
  for (let start = from; start <= last; start += perTransaction) {
    const length = Math.min(perTransaction, last - start + 1);
    const body = JSON.stringify({ success: Array.from({ length }, (_, index) => putOf(start + index)) });
    const response = await fetch(`http://127.0.0.1:${cluster.server.etcdPort}/v3/kv/txn`, { method: 'POST', body });
    if (!response.ok) throw new Error(`etcd: ${await response.text()}`);
    await response.arrayBuffer();
  }
}
