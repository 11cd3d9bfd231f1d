import type { DefaultEndpoint, IngressListener } from '../../model/sidecar.ts';
import { readConnectionPool } from './connection-pool.ts';
import type { Field, Fields } from './field.ts';
import { captureModes, readBind, readSidecarPort, refuseOwnPort } from './sidecar-port.ts';
import { readSocketPath } from './socket-path.ts';

/** `ingress` of a Sidecar. */
export function readIngress(field: Field): readonly IngressListener[] {
  const known = new Set<number>();
  return (field.items() ?? []).flatMap((item) => {
    item.refuseNull('a listener');
    const fields = item.fields(['port', 'bind', 'captureMode', 'defaultEndpoint', 'tls', 'connectionPool'], {
      hosts: 'an ingress listener takes every host',
    });
    if (fields === undefined) return [];
    for (const name of ['captureMode', 'defaultEndpoint', 'tls']) fields.get(name).refuseNull('a value');
    if (!fields.get('port').written) item.error('missing-field', 'port is required', 'say which port comes in');
    const port = readSidecarPort(fields.get('port'), 1);
    if (port !== undefined) refuseOwnPort(fields.get('port'), port.number);
    if (port !== undefined && known.has(port.number))
      fields.get('port').error('duplicate', `two listeners take port ${port.number}`, 'remove one');
    known.add(port?.number ?? 0);
    const captureMode = fields.get('captureMode').oneOf(captureModes) ?? 'DEFAULT';
    const bind = readBind(fields, false);
    warnOfUnused(fields, { bind, captureMode });
    const listener = {
      bind,
      captureMode,
      defaultEndpoint: readDefaultEndpoint(fields.get('defaultEndpoint')),
      connectionPool: readConnectionPool(fields.get('connectionPool')),
    };
    return port === undefined ? [] : [{ port, ...listener }];
  });
}

/** Interception takes every port of a workload, at every address, so nothing is bound for one of them. */
function warnOfUnused(fields: Fields, { bind, captureMode }: Pick<IngressListener, 'bind' | 'captureMode'>): void {
  if (fields.get('tls').present)
    fields
      .get('tls')
      .warning(
        'not-supported',
        'certificates of its own have no effect: the port speaks what PeerAuthentication says',
        'remove tls, and choose the mode with a PeerAuthentication',
      );
  if (captureMode === 'NONE')
    fields
      .get('captureMode')
      .warning(
        'not-supported',
        'the port is taken where it is intercepted, and bound nowhere',
        'remove captureMode, and do not exclude the port from interception',
      );
  if (bind !== '')
    fields
      .get('bind')
      .warning('not-supported', 'the port is intercepted at every address of the workload', 'remove bind');
}

function readDefaultEndpoint(field: Field): DefaultEndpoint | undefined {
  const text = field.string() ?? '';
  if (text === '') return undefined;
  const socket = /^unix:\/\/(\/\S+)$/.exec(text)?.[1];
  if (socket !== undefined) {
    const path = readSocketPath(field, socket);
    return path === undefined ? undefined : { kind: 'socket', path };
  }
  const [, address = '', digits = ''] = /^(127\.0\.0\.1|\[::1\]|0\.0\.0\.0|\[::\]):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (address !== '' && port >= 1 && port <= 65_535) {
    refuseOwnPort(field, port);
    return { kind: 'port', at: address === '127.0.0.1' || address === '[::1]' ? 'loopback' : 'pod', port };
  }
  return field.error(
    'bad-address',
    `${JSON.stringify(text)} is no place of the workload`,
    'write 127.0.0.1:PORT, 0.0.0.0:PORT for the address of the pod, or unix:///path',
  );
}
