import type { OutlierDetection } from '../../model/traffic-policy.ts';
import { readDuration } from './duration.ts';
import type { Field } from './field.ts';

const most = 4_294_967_295;

const elsewhere = {
  failurePercentageThreshold: 'endpoints are judged by errors in a row',
  outlierDetectionHttpErrorCodes: '5xx answers count as errors',
};

/** `outlierDetection` of a traffic policy: when an endpoint is left out for a while. */
export function readOutlierDetection(field: Field): OutlierDetection | undefined {
  field.refuseNull('an object');
  const fields = field.fields([
    'consecutiveErrors',
    'splitExternalLocalOriginErrors',
    'consecutiveLocalOriginFailures',
    'consecutiveGatewayErrors',
    'consecutive5xxErrors',
    'interval',
    'baseEjectionTime',
    'maxEjectionPercent',
    'minHealthPercent',
    ...Object.keys(elsewhere),
  ]);
  if (fields === undefined) return undefined;
  for (const [name, why] of Object.entries(elsewhere)) {
    const each = fields.get(name);
    if (each.present) each.warning('not-supported', `${name} has no effect: ${why}`, 'remove it');
  }
  const old = fields.get('consecutiveErrors').integer(0, most);
  if (old !== undefined)
    fields
      .get('consecutiveErrors')
      .warning('deprecated', 'consecutiveErrors is read as consecutiveGatewayErrors', 'write consecutiveGatewayErrors');
  return {
    consecutive5xx: fields.get('consecutive5xxErrors').integer(0, most),
    consecutiveGatewayErrors: fields.get('consecutiveGatewayErrors').integer(0, most) ?? old,
    splitLocalErrors: fields.get('splitExternalLocalOriginErrors').boolean() ?? false,
    consecutiveLocalFailures: fields.get('consecutiveLocalOriginFailures').integer(0, most),
    intervalMs: readDuration(fields.get('interval')),
    baseEjectionMs: readDuration(fields.get('baseEjectionTime')),
    maxEjectionPercent: fields.get('maxEjectionPercent').integer(0, 100),
    minHealthPercent: fields.get('minHealthPercent').integer(0, 100),
  };
}
