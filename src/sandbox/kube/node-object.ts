import type { KubeClient } from '../../kube/client.ts';
import { nodeName } from './scheduler.ts';

/** Makes the Node that all pods run on; it is ready as long as the sandbox is, so nobody has to say so again. */
export async function createNode(
  client: KubeClient,
  node: { readonly hostIp: string; readonly cpus: number; readonly memory: number; readonly kernel: string },
  now: number,
): Promise<void> {
  const labels = { 'kubernetes.io/hostname': nodeName, 'kubernetes.io/os': 'linux' };
  await client.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, labels } });
  // Admission marks a new node as not ready, for a controller to lift that; here it is ready at once.
  await client.request('PATCH', `/api/v1/nodes/${nodeName}`, {
    body: { spec: { taints: null } },
    contentType: 'application/merge-patch+json',
  });
  const resources = { cpu: String(node.cpus), memory: `${Math.floor(node.memory / 1024)}Ki`, pods: '1000' };
  const time = new Date(now).toISOString();
  const condition = (type: string, status: string, reason: string): object => ({
    ...{ type, status, reason, message: '', lastHeartbeatTime: time, lastTransitionTime: time },
  });
  await client.request('PATCH', `/api/v1/nodes/${nodeName}/status`, {
    body: {
      status: {
        capacity: resources,
        allocatable: resources,
        conditions: [
          condition('Ready', 'True', 'KubeletReady'),
          condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
          condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
          condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
        ],
        addresses: [
          { type: 'InternalIP', address: node.hostIp },
          { type: 'Hostname', address: nodeName },
        ],
        nodeInfo: {
          ...{ architecture: 'amd64', operatingSystem: 'linux', osImage: 'Coxswain sandbox' },
          ...{ kernelVersion: node.kernel, kubeletVersion: 'v1.34.2', containerRuntimeVersion: 'sandbox://1' },
          ...{ bootID: '', machineID: '', systemUUID: '', kubeProxyVersion: '' },
        },
      },
    },
    contentType: 'application/strategic-merge-patch+json',
  });
}
