import type { envoy } from '@envoyproxy/protos';

/** Where `proxy-config`, ours and Istio's, looks for the object behind a cluster or a route, `<name>.<namespace>`. */
export function objectMetadata(
  kind: 'destination-rule' | 'virtual-service',
  object: string,
): envoy.config.core.v3.Metadata {
  const [, name, namespace] = /^(.*)\.([^.]*)$/.exec(object) ?? [];
  const config = `/apis/networking.istio.io/v1/namespaces/${namespace}/${kind}/${name}`;
  return { filterMetadata: { istio: { fields: { config: { stringValue: config } } } } };
}
