import type { PortPolicy, TrafficPolicy } from '../../model/traffic-policy.ts';
import { readClientTls } from './client-tls.ts';
import { readConnectionPool } from './connection-pool.ts';
import type { Field, Fields } from './field.ts';
import { readLoadBalancer } from './load-balancer.ts';
import { readOutlierDetection } from './outlier-detection.ts';
import { readRetryBudget } from './retry-budget.ts';
import { readTunnel } from './tunnel.ts';

const portFields = ['tls', 'loadBalancer', 'connectionPool', 'outlierDetection'];
const wholeFields = ['proxyProtocol', 'retryBudget', 'tunnel'];

/** `trafficPolicy` of a DestinationRule or of one of its subsets (behaviour.md 4.5). */
export function readTrafficPolicy(field: Field): TrafficPolicy | undefined {
  field.refuseNull('an object');
  const fields = field.fields([...portFields, 'portLevelSettings', ...wholeFields]);
  if (fields === undefined) return undefined;
  const ports = new Map<number, PortPolicy>();
  for (const item of fields.get('portLevelSettings').items() ?? []) {
    const settings = item.fields(['port', ...portFields]);
    if (settings === undefined) continue;
    const number = settings.get('port').fields(['number'])?.get('number');
    const port = number?.integer(1, 65_535);
    if (number?.written !== true)
      item.error('missing-field', 'port.number is required', 'write the port of the service');
    if (port === undefined) continue;
    if (ports.has(port)) item.error('duplicate', `port ${port} is set twice`, 'keep one');
    ports.set(port, readPort(settings));
  }
  const proxyProtocol = fields.get('proxyProtocol').fields(['version']);
  return {
    ...readPort(fields),
    ports: new Map([...ports].sort(([a], [b]) => a - b)),
    proxyProtocol: proxyProtocol && (proxyProtocol.get('version').oneOf(['V1', 'V2'] as const) ?? 'V1'),
    retryBudget: readRetryBudget(fields.get('retryBudget'), fields.get('connectionPool')),
    tunnel: readTunnel(fields.get('tunnel')),
  };
}

function readPort(fields: Fields): PortPolicy {
  return {
    tls: readClientTls(fields.get('tls')),
    loadBalancer: readLoadBalancer(fields.get('loadBalancer')),
    connectionPool: readConnectionPool(fields.get('connectionPool')),
    outlierDetection: readOutlierDetection(fields.get('outlierDetection')),
  };
}
