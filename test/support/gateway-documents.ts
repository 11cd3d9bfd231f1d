import { readText } from '../../src/config/files.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';

/** Objects of YAML documents; an error in one fails the test. */
export function objectsOf(yaml: string): readonly MeshObject[] {
  const { objects, findings } = readText('gateway.yaml', yaml);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return objects;
}

/** A Secret of the router's namespace, `edge`, if not of another. */
export function secretYaml(name: string, stringData: Readonly<Record<string, string>>, namespace = 'edge'): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
}

/** How a server of a test is written. */
export interface TestServer {
  readonly port: number;
  readonly name: string;
  readonly protocol: string;
  readonly hosts: readonly string[];
  readonly bind?: string;
  readonly tls?: object;
}

/** A Gateway for routers with the label that ingress gateways have. */
export function gatewayDocument(
  name: string,
  servers: readonly TestServer[],
  {
    namespace = 'edge',
    selector = { istio: 'ingressgateway' },
  }: { readonly namespace?: string; readonly selector?: object } = {},
): string {
  return JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: {
      selector,
      servers: servers.map(({ port, name: portName, protocol, ...rest }) => ({
        port: { number: port, name: portName, protocol },
        ...rest,
      })),
    },
  });
}

/** The same, on loopback. */
export function gatewayYaml(name: string, servers: readonly TestServer[]): string {
  return gatewayDocument(
    name,
    servers.map((server) => ({ bind: '127.0.0.1', ...server })),
  );
}
