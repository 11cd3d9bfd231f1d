import type { Sidecar, SidecarOutboundPolicy } from '../../model/sidecar.ts';
import { readConnectionPool } from './connection-pool.ts';
import type { Field } from './field.ts';
import { readHost } from './host.ts';
import type { KindReader } from './kind.ts';
import { networking, underSpec } from './networking.ts';
import { readSelector } from './selector.ts';
import { readEgress } from './sidecar-egress.ts';
import { readIngress } from './sidecar-ingress.ts';

const specFields = ['workloadSelector', 'ingress', 'egress', 'inboundConnectionPool', 'outboundTrafficPolicy'];

/** Sidecar, whole (behaviour.md 4.6). One with an error is not applied: its last good state stays. */
export const sidecarReader: KindReader = {
  ...networking,
  kind: 'Sidecar',
  hints: underSpec(specFields),
  read({ document, metadata: { meta }, report }) {
    const spec = document.get('spec');
    spec.refuseNull('an object');
    if (!spec.written) spec.error('missing-field', 'spec is required', 'add spec with egress or ingress');
    const fields = spec.fields(specFields, {
      selector: 'write workloadSelector',
      hosts: 'put it into a listener under "egress"',
    });
    if (fields === undefined) return { object: undefined };
    for (const name of specFields) fields.get(name).refuseNull('a value');
    const selector = readSelector(fields.get('workloadSelector'), 'labels');
    const object: Omit<Sidecar, 'selector'> = {
      kind: 'Sidecar',
      meta,
      ingress: readIngress(fields.get('ingress')),
      egress: readEgress(fields.get('egress'), meta.namespace),
      inboundConnectionPool: readConnectionPool(fields.get('inboundConnectionPool')),
      outboundPolicy: readOutboundPolicy(fields.get('outboundTrafficPolicy')),
    };
    if (specFields.every((name) => name === 'workloadSelector' || !fields.get(name).present))
      spec.error('empty', 'this Sidecar says nothing', 'add egress, ingress or outboundTrafficPolicy');
    return { object: report.clean && selector !== undefined ? { ...object, selector } : undefined };
  },
};

function readOutboundPolicy(field: Field): SidecarOutboundPolicy | undefined {
  const fields = field.fields(['mode', 'egressProxy']);
  if (fields === undefined) return undefined;
  fields.get('mode').refuseNull('a mode');
  const mode = fields.get('mode').oneOf(['REGISTRY_ONLY', 'ALLOW_ANY'] as const);
  if (!fields.get('mode').written)
    field.info('default-mode', 'without a mode, REGISTRY_ONLY holds: unknown hosts are refused', 'write the mode');
  const proxy = fields.get('egressProxy');
  const egressProxy = readEgressProxy(proxy);
  if (proxy.present && mode !== 'ALLOW_ANY')
    proxy.error('two-ways', 'REGISTRY_ONLY sends nothing to a proxy', 'write mode: ALLOW_ANY, or remove egressProxy');
  return { mode: mode ?? 'REGISTRY_ONLY', egressProxy };
}

function readEgressProxy(field: Field): SidecarOutboundPolicy['egressProxy'] {
  field.refuseNull('a destination');
  const fields = field.fields(['host', 'subset', 'port']);
  if (fields === undefined) return undefined;
  if (!fields.get('host').written) field.error('missing-field', 'host is required', 'name the service');
  const host = readHost(fields.get('host'));
  if (host?.startsWith('*') === true)
    fields.get('host').error('bad-host', 'a proxy is one service, not a wildcard', 'write its full name');
  const subset = fields.get('subset').string() ?? '';
  const port = fields.get('port').fields(['number'])?.get('number').integer(1, 65_535);
  return host === undefined ? undefined : { host, subset, port };
}
