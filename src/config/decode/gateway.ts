import { isIP } from 'node:net';
import type { GatewayServer, ServerProtocol } from '../../model/gateway.ts';
import { type Selector, selectAll } from '../../model/selector.ts';
import type { Field, Fields } from './field.ts';
import type { KindReader } from './kind.ts';
import { readServerHosts } from './server-host.ts';
import { type ReadServerTls, readServerTls } from './server-tls.ts';
import { hintFor } from './suggest.ts';

const specFields = ['selector', 'servers'];
const serverFields = ['port', 'bind', 'hosts', 'tls', 'defaultEndpoint', 'name'];
const portFields = ['number', 'protocol', 'name', 'targetPort'];

/** What each protocol of the API means to Envoy (behaviour.md 5.1). */
const protocols: Readonly<Record<string, ServerProtocol>> = {
  HTTP: 'HTTP',
  HTTP2: 'HTTP',
  GRPC: 'HTTP',
  'GRPC-WEB': 'HTTP',
  HTTPS: 'HTTPS',
  TLS: 'TLS',
  TCP: 'TCP',
  MONGO: 'TCP',
  MYSQL: 'TCP',
  REDIS: 'TCP',
};

/** Gateways, whole (behaviour.md 5.1). */
export const gatewayReader: KindReader = {
  kind: 'Gateway',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  namespaced: true,
  fields: ['spec', 'status'],
  hints: { selector: 'indent it under "spec"', servers: 'indent it under "spec"' },
  read({ document, metadata }) {
    const spec = document.get('spec');
    if (!spec.present) spec.error('missing-field', 'spec is required', 'add a spec with servers');
    const fields = spec.fields(specFields, {
      matchLabels: 'labels stand right under "selector"',
      hosts: 'put them into a server, under "servers"',
      server: 'did you mean "servers"?',
      tls: 'put it into a server, under "servers"',
    });
    if (fields === undefined) return { object: undefined };
    const selector = readLabels(fields.get('selector'));
    const servers = readServers(fields.get('servers'), metadata.meta.namespace);
    return { object: { kind: 'Gateway', meta: metadata.meta, selector, servers } };
  },
};

/** A Gateway's selector is plain labels; none means every router of the mesh, which few want. */
function readLabels(field: Field): Selector {
  field.refuseNull('an object');
  const nested = field.child('matchLabels');
  if (nested.present) {
    nested.error('wrong-type', 'a Gateway takes labels right under "selector"', 'remove matchLabels');
    return selectAll;
  }
  const labels = field.stringMap();
  if (Object.keys(labels).length > 0) return { matchLabels: labels };
  if (!field.present || typeof field.value === 'object') {
    field.warning(
      'selector-empty',
      'a Gateway without labels in its selector opens its ports on every gateway of the mesh',
      'add the labels of the gateway that is meant, like istio: ingressgateway',
    );
  }
  return selectAll;
}

function readServers(field: Field, namespace: string): readonly GatewayServer[] {
  const items = field.items();
  if (items === undefined || items.length === 0) {
    if (items !== undefined || !field.present) field.error('missing-field', 'a Gateway needs at least one server');
    return [];
  }
  const names = new Set<string>();
  return items.flatMap((item, index) => readServer(item, index, namespace, names) ?? []);
}

function readServer(field: Field, index: number, namespace: string, names: Set<string>): GatewayServer | undefined {
  if (!field.present) return field.error('wrong-type', 'must be an object, not null');
  const fields = field.fields(serverFields, { number: 'put it under "port"', protocol: 'put it under "port"' });
  if (fields === undefined) return undefined;
  for (const name of serverFields) fields.get(name).refuseNull('a value');
  const bind = readBind(fields.get('bind'));
  const port = readPort(fields.get('port'), bind, names);
  const hosts = readServerHosts(fields.get('hosts'), namespace);
  fields.get('name').string();
  if (fields.get('defaultEndpoint').present)
    fields
      .get('defaultEndpoint')
      .warning('not-supported', 'has no effect on a gateway', 'route with a VirtualService that names this Gateway');
  const tls = readServerTls(fields.get('tls'));
  if (port === undefined) return undefined;
  checkTls(fields, port.protocol, tls);
  const terminates = port.protocol === 'HTTPS' || port.protocol === 'TLS';
  return {
    index,
    port: port.number,
    portName: port.name,
    bind,
    hosts,
    protocol: port.protocol,
    tls: terminates ? tls.tls : undefined,
    httpsRedirect: port.protocol === 'HTTP' && tls.httpsRedirect,
  };
}

function readBind(field: Field): string {
  const bind = field.string() ?? '';
  if (bind === '' || isIP(bind) !== 0 || /^unix:\/\/\/?[^\s]+$/.test(bind)) return bind;
  field.error('bad-address', `${JSON.stringify(bind)} is no IP address`, 'write an IP address, or unix:// and a path');
  return '';
}

interface ReadPort {
  readonly number: number;
  readonly name: string;
  readonly protocol: ServerProtocol;
}

function readPort(field: Field, bind: string, names: Set<string>): ReadPort | undefined {
  if (!field.written) return field.error('missing-field', 'port is required', 'add number, name and protocol');
  const fields = field.fields(portFields, { port: 'did you mean "number"?' });
  if (fields === undefined) return undefined;
  for (const name of portFields) fields.get(name).refuseNull('a value');
  if (fields.get('targetPort').present)
    fields
      .get('targetPort')
      .error('not-supported', 'targetPort has no effect', 'the Service of the gateway says its target port');
  const socket = bind.startsWith('unix://');
  const numberField = fields.get('number');
  if (!numberField.written && !socket)
    numberField.error('missing-field', 'number is required', 'add the port that clients connect to');
  const number = socket ? (numberField.integer(0, 65_535) ?? 0) : numberField.integer(1, 65_535);
  if (socket && number !== 0)
    numberField.error('bad-port', 'must be 0 where the server is bound to a unix socket', 'write number: 0');
  const name = readPortName(fields.get('name'), names);
  const protocol = readProtocol(fields.get('protocol'));
  return number === undefined || protocol === undefined ? undefined : { number, name, protocol };
}

/** Names of ports tell the route configurations of one Gateway apart, so each stands once. */
function readPortName(field: Field, names: Set<string>): string {
  if (!field.written) {
    field.error('missing-field', 'name is required', 'name the port, like https');
    return '';
  }
  const name = field.text() ?? '';
  if (name === '') return name;
  if (!/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name))
    field.error('bad-name', `${JSON.stringify(name)} is not a valid port name`, 'use letters, digits and "-"');
  if (names.has(name))
    field.error('duplicate-port-name', `${JSON.stringify(name)} is the name of another server's port`, 'rename one');
  names.add(name);
  return name;
}

function readProtocol(field: Field): ServerProtocol | undefined {
  if (!field.written)
    return field.error('missing-field', 'protocol is required', `use one of: ${Object.keys(protocols).join(', ')}`);
  const text = field.text();
  if (text === undefined) return undefined;
  const word = text.toUpperCase();
  const protocol = Object.hasOwn(protocols, word) ? protocols[word] : undefined;
  if (protocol === undefined)
    return field.error(
      'bad-value',
      `unsupported protocol ${JSON.stringify(text)}`,
      hintFor(word, Object.keys(protocols)) || `use one of: ${Object.keys(protocols).join(', ')}`,
    );
  if (word === 'GRPC-WEB')
    field.warning(
      'not-supported',
      'gRPC-Web is served as HTTP: its requests reach the service as they are',
      'use a service that speaks gRPC-Web itself',
    );
  return protocol;
}

function checkTls(fields: Fields, protocol: ServerProtocol, { httpsRedirect, settings }: ReadServerTls): void {
  const tls = fields.get('tls');
  switch (protocol) {
    case 'HTTPS':
    case 'TLS':
      if (!tls.present)
        tls.error(
          'missing-field',
          `a server of protocol ${protocol} needs tls`,
          'add tls with a mode and a certificate',
        );
      else if (httpsRedirect)
        tls
          .child('httpsRedirect')
          .warning('tls-not-used', `has no effect on a server of protocol ${protocol}`, 'put it on the HTTP server');
      return;
    case 'HTTP':
      if (settings)
        tls.error(
          'tls-on-plaintext',
          'a server of protocol HTTP is plaintext: its tls takes only httpsRedirect',
          'write protocol: HTTPS, or remove the other fields',
        );
      return;
    case 'TCP':
      if (tls.present)
        tls.error('tls-on-plaintext', 'a server of protocol TCP takes no tls', 'write protocol: TLS, or remove it');
      return;
  }
}
