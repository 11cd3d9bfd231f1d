import { type EgressListener, type ImportedHost, isEveryAddress } from '../../model/sidecar.ts';
import { Field } from './field.ts';
import { readHost } from './host.ts';
import { captureModes, readBind, readSidecarPort, refuseOwnPort } from './sidecar-port.ts';

/** `egress` of a Sidecar in `namespace`; undefined where none is written. An empty list is as good as none. */
export function readEgress(field: Field, namespace: string): readonly EgressListener[] | undefined {
  const items = field.items() ?? [];
  if (items.length === 0) return undefined;
  const known = new Set<string>();
  const listeners = items.flatMap((item, index) => {
    const listener = readListener(item, namespace);
    if (listener === undefined) return [];
    const place = `${listener.bind}:${listener.port?.number ?? ''}`;
    if (known.has(place))
      item.error(
        'duplicate',
        listener.port === undefined
          ? 'two listeners without a port'
          : `two listeners take port ${listener.port.number}`,
        'put all hosts into one',
      );
    known.add(place);
    if (listener.port === undefined && index < items.length - 1)
      item.error('listener-order', 'a listener without a port takes all other ports', 'move it to the end');
    return [listener];
  });
  return listeners;
}

function readListener(item: Field, namespace: string): EgressListener | undefined {
  item.refuseNull('a listener');
  const fields = item.fields(['port', 'bind', 'captureMode', 'hosts']);
  if (fields === undefined) return undefined;
  fields.get('captureMode').refuseNull('a mode');
  const bind = readBind(fields, true);
  const portField = fields.get('port');
  const port = readSidecarPort(portField, bind.startsWith('/') ? 0 : 1);
  const captureMode = fields.get('captureMode').oneOf(captureModes) ?? 'DEFAULT';
  if (!portField.written && (bind !== '' || captureMode === 'NONE'))
    portField.error('missing-field', 'a listener that is bound somewhere needs a port', 'add the port');
  if (bind.startsWith('/'))
    fields.get('bind').warning('not-supported', 'nothing listens at a Unix socket', 'bind an address, as 127.0.0.1');
  if (isEveryAddress(bind))
    fields
      .get('bind')
      .warning(
        'not-supported',
        'it listens at 127.0.0.1 alone: only the pod itself may use its identity',
        'write 127.0.0.1',
      );
  if (port !== undefined) refuseOwnPort(portField, port.number);
  if (bind.startsWith('/') && port !== undefined && port.number !== 0)
    portField.error('bad-port', 'must be 0 where the listener is a Unix socket', 'write number: 0');
  const hosts = readHosts(item, fields.get('hosts'), namespace);
  return portField.written && port === undefined ? undefined : { port, bind, captureMode, hosts };
}

function readHosts(item: Field, field: Field, namespace: string): readonly ImportedHost[] {
  field.refuseNull('a list');
  const items = field.items() ?? [];
  if (items.length === 0) item.error('missing-field', 'hosts is required', 'write "*/*" for every service');
  return items.flatMap((each) => readImport(each, namespace) ?? []);
}

/** `ns/host`, where `.` is the own namespace, `*` each, and `~/*` is nothing at all. */
function readImport(field: Field, ownNamespace: string): ImportedHost | undefined {
  field.refuseNull('a host');
  const text = field.text();
  if (text === undefined) return undefined;
  const slash = text.indexOf('/');
  const from = text.slice(0, slash);
  const wellFormed =
    ['.', '*', '~'].includes(from) || (from.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(from));
  if (slash < 0 || !wellFormed)
    return field.error(
      'bad-host',
      `${JSON.stringify(text)} names no namespace`,
      `write namespace/host: "./${slash < 0 ? text : text.slice(slash + 1)}" for this one, "*/" for each`,
    );
  const host = readHost(new Field(text.slice(slash + 1), field.path, field.report));
  if (host === undefined) return undefined;
  if (from !== '~' && host !== '*' && !host.includes('.'))
    field.warning(
      'short-host',
      `${JSON.stringify(host)} is no full name, so no service of Kubernetes is meant`,
      `write ${host}.NAMESPACE.svc.cluster.local`,
    );
  if (from !== '~') return { namespace: from === '*' ? undefined : from === '.' ? ownNamespace : from, host };
  return host === '*' ? undefined : field.error('bad-host', '"~" is nothing at all', 'write "~/*"');
}
