import { isIP } from 'node:net';
import type { Labels } from '../../model/object.ts';
import type { Service, ServicePort } from '../../model/service.ts';
import { readExportToText } from './export-to-text.ts';
import type { Field, Fields } from './field.ts';
import { readHost } from './host.ts';
import type { KindReader } from './kind.ts';
import { checkPortName, checkServicePortName, readTransport } from './ports.ts';
import { portProtocol } from './protocol.ts';

const specFields = [
  'allocateLoadBalancerNodePorts',
  'clusterIP',
  'clusterIPs',
  'externalIPs',
  'externalName',
  'externalTrafficPolicy',
  'healthCheckNodePort',
  'internalTrafficPolicy',
  'ipFamilies',
  'ipFamilyPolicy',
  'loadBalancerClass',
  'loadBalancerIP',
  'loadBalancerSourceRanges',
  'ports',
  'publishNotReadyAddresses',
  'selector',
  'sessionAffinity',
  'sessionAffinityConfig',
  'trafficDistribution',
  'type',
];
const portFields = ['appProtocol', 'name', 'nodePort', 'port', 'protocol', 'targetPort'];
const exportToAnnotation = 'networking.istio.io/exportTo';
const serviceTypes = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const;

/** A Service is a DNS label (RFC 1035): with a dot in it, its short name could be another Service's (`a.b` in c, `a` in b). */
function checkName(document: Fields, name: string): void {
  if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
    document
      .get('metadata')
      .child('name')
      .error(
        'bad-name',
        `${JSON.stringify(name)} can be no name of a Service`,
        'use lower-case letters, digits and "-"',
      );
  }
}

/** Services: names, addresses and ports that clients use, with the protocol of each port. */
export const serviceReader: KindReader = {
  kind: 'Service',
  group: '',
  versions: ['v1'],
  namespaced: true,
  fields: ['spec', 'status'],
  read({ document, metadata }) {
    checkName(document, metadata.meta.name);
    const spec = document.get('spec');
    const fields = spec.fields(specFields, {
      matchLabels: 'a Service selector has no matchLabels: put the labels right under "selector"',
    });
    const empty: Service = {
      kind: 'Service',
      meta: metadata.meta,
      selector: undefined,
      addresses: [],
      headless: false,
      externalName: undefined,
      exportTo: readExportToText(
        document.get('metadata').child('annotations').child(exportToAnnotation),
        metadata.meta.namespace,
      ),
      ports: [],
    };
    if (fields === undefined) {
      if (!spec.present) spec.error('missing-field', 'spec is required', 'add a spec with ports');
      return { object: empty };
    }
    const type = fields.get('type').oneOf(serviceTypes) ?? 'ClusterIP';
    const ports = readPorts(fields.get('ports'));
    const selector = fields.get('selector');
    const labels = selector.present ? readSelectorLabels(selector) : undefined;
    const addresses = readAddresses(fields);
    if (type === 'ExternalName') {
      return { object: { ...empty, externalName: readExternalName(fields.get('externalName')), ports } };
    }
    const headless = addresses.includes('None');
    return {
      object: {
        ...empty,
        selector: labels !== undefined && Object.keys(labels).length > 0 ? labels : undefined,
        addresses: headless ? [] : addresses,
        headless,
        ports,
      },
    };
  },
};

function readExternalName(field: Field): string | undefined {
  if (!field.present) return field.error('missing-field', 'externalName is required', 'add the DNS name');
  const host = readHost(field);
  return host?.startsWith('*') === true ? field.error('bad-host', 'a wildcard is no name', 'write a full name') : host;
}

function readAddresses(fields: Fields): readonly string[] {
  const list = fields.get('clusterIPs').items() ?? [];
  const single = fields.get('clusterIP');
  const read = [single, ...list].flatMap((field) => {
    const text = field.string();
    if (text === undefined || text === '') return [];
    if (text !== 'None' && isIP(text) === 0)
      field.error('bad-address', `${JSON.stringify(text)} is not an IP address`, 'write an IP address, or None');
    return [text];
  });
  return [...new Set(read)];
}

function readPorts(field: Field): readonly ServicePort[] {
  const items = field.items() ?? [];
  const seen = new Set<string>();
  return items.flatMap((item) => {
    if (!item.present) item.error('wrong-type', 'must be an object, not null');
    const fields = item.fields(portFields, { containerPort: 'a Service port has "port" and "targetPort"' });
    if (fields === undefined) return [];
    const name = readPortName(fields.get('name'), items.length > 1 ? item : undefined, seen);
    return readPort(item, fields, name);
  });
}

/** `several`: the port itself, where it stands among others and so needs a name. */
function readPortName(field: Field, several: Field | undefined, seen: Set<string>): string {
  const name = field.string() ?? '';
  if (name === '') {
    several?.error(
      'missing-field',
      'name is required when a Service has several ports',
      'name each port, like http-web',
    );
    return name;
  }
  checkServicePortName(field, name);
  if (seen.has(name)) {
    field.error(
      'duplicate-port-name',
      `port name ${JSON.stringify(name)} is used twice`,
      'give each port its own name',
    );
  }
  seen.add(name);
  return name;
}

function readPort(item: Field, fields: Fields, name: string): readonly ServicePort[] {
  const portField = fields.get('port');
  if (!portField.present) portField.error('missing-field', 'port is required', 'add a port, 1 to 65535');
  const port = portField.integer(1, 65_535);
  fields.get('nodePort').integer(0, 65_535);
  const transport = readTransport(fields.get('protocol'));
  const appProtocol = fields.get('appProtocol').string();
  const targetPort = readTargetPort(fields.get('targetPort'));
  if (port === undefined) return [];
  const protocol = portProtocol({ name, appProtocol, port, transport });
  if (protocol !== undefined) return [{ name, port, targetPort: targetPort ?? port, protocol }];
  item.info(
    'not-tcp',
    `port ${port} is ${transport === 'TCP' ? 'UDP by its name' : transport}: it is left out of the mesh`,
  );
  return [];
}

/** A Service selector is a plain map; many write it like that of a Deployment. */
function readSelectorLabels(field: Field): Labels {
  for (const name of ['matchLabels', 'matchExpressions']) {
    const nested = field.child(name);
    if (typeof nested.value === 'object' && nested.present) {
      return (
        nested.error(
          'unknown-field',
          `unknown field "spec.selector.${name}"`,
          'put the labels right under "selector"',
        ) ?? {}
      );
    }
  }
  return field.stringMap();
}

/** A number from 1, or a container port's name; 0 and '' mean "as port". */
function readTargetPort(field: Field): number | string | undefined {
  if (!field.present || field.value === 0 || field.value === '') return undefined;
  if (typeof field.value === 'number') return field.integer(1, 65_535);
  if (typeof field.value !== 'string')
    return field.error('wrong-type', 'must be a port number or the name of a container port');
  if (/^[0-9]+$/.test(field.value))
    return field.error('wrong-type', 'must be a number or a name, not a number in quotes', 'remove the quotes');
  checkPortName(field, field.value);
  return field.value;
}
