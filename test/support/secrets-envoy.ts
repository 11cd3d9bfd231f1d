import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A secret of Envoy's API, and the file by which Envoy gets it. */
export interface NamedSecret {
  readonly file: string;
  readonly resource: { readonly name: string } & Readonly<Record<string, unknown>>;
}

const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';

/**
 * Secrets in all forms in which Envoy takes a key, made from the folder of the browser-mtls example's certificates: bytes, files,
 * a key store, and a key that stands beside its certificate in one text.
 */
export async function secretsOf(folder: string): Promise<readonly NamedSecret[]> {
  const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const bytes = async (name: string): Promise<object> => ({
    inline_bytes: (await readFile(join(folder, name))).toString('base64'),
  });
  const [certificate, key] = [await text('macbook.crt'), await text('macbook.key')];
  const secrets: Readonly<Record<string, object>> = {
    'kubernetes://macbook': {
      tls_certificate: { certificate_chain: await bytes('macbook.crt'), private_key: await bytes('macbook.key') },
    },
    'kubernetes://macbook-cacert': { validation_context: { trusted_ca: await bytes('office-ca.crt') } },
    'both-in-one': {
      tls_certificate: {
        certificate_chain: { inline_string: `${certificate}${key}` },
        private_key: { inline_string: key },
      },
    },
    keystore: {
      tls_certificate: {
        pkcs12: await bytes('macbook.p12'),
        password: { inline_string: (await text('password')).trim() },
      },
    },
    'file-cert:desktop': {
      tls_certificate: {
        certificate_chain: { filename: join(folder, 'desktop.crt') },
        private_key: { filename: join(folder, 'desktop.key') },
      },
    },
    'file-root:system': { validation_context: { trusted_ca: { filename: '/etc/ssl/certs/ca-certificates.crt' } } },
  };
  return Object.entries(secrets).map(([name, fields], index) => ({
    file: `secret-${index}`,
    resource: { '@type': `${tls}.Secret`, name, ...fields },
  }));
}

/** An Envoy that is given each secret twice: in its bootstrap, and by a file of `folder`; and a key in a cluster besides. */
export function secretsBootstrap(secrets: readonly NamedSecret[], folder: string): object {
  const sds = ({ file, resource }: NamedSecret): object => ({
    name: resource.name,
    sds_config: { path_config_source: { path: join(folder, `${file}.json`) }, resource_api_version: 'V3' },
  });
  const clusters = secrets.map((secret) => {
    const context =
      secret.resource['validation_context'] === undefined
        ? { tls_certificate_sds_secret_configs: [sds(secret)] }
        : { validation_context_sds_secret_config: sds(secret) };
    return cluster(secret.file, context);
  });
  const inline = secrets.flatMap(({ resource }) =>
    resource.name === 'kubernetes://macbook' ? [resource['tls_certificate']] : [],
  );
  return {
    node: { id: 'secrets', cluster: 'secrets' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 15000 } } },
    static_resources: {
      secrets: secrets.map(({ resource: { '@type': _, ...fields } }) => ({ ...fields, name: `static-${fields.name}` })),
      clusters: [...clusters, cluster('inline', { tls_certificates: inline })],
    },
  };
}

function cluster(name: string, context: object): object {
  const socket = { '@type': `${tls}.UpstreamTlsContext`, common_tls_context: context };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name },
    transport_socket: { name: 'tls', typed_config: socket },
  };
}
