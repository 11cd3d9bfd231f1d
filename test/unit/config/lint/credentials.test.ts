import { expect } from 'chai';
import { lint } from '../../../../src/config/lint.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { gatewayDocument, objectsOf, secretYaml } from '../../../support/gateway-documents.ts';
import { pod } from '../../../support/objects.ts';
import { selfSigned } from '../../../support/self-signed.ts';

const [one, other] = [selfSigned(1), selfSigned(2)];
const gate = (namespace: string) => pod(namespace, 'gate', '10.0.0.1', { labels: { istio: 'ingressgateway' } });

const gateway = (selector?: object): readonly MeshObject[] =>
  objectsOf(
    gatewayDocument(
      'shop',
      [
        ['SIMPLE', { credentialName: 'plain' }],
        ['MUTUAL', { credentialName: 'mutual' }],
        ['MUTUAL', { serverCertificate: '/a', privateKey: '/b', caCertificates: '/c' }],
        ['ISTIO_MUTUAL', {}],
      ].map(([mode, tls], index) => ({
        port: 443,
        name: `https-${index}`,
        protocol: 'HTTPS',
        hosts: [`h${index}.example`],
        tls: Object.assign({ mode }, tls),
      })),
      { namespace: 'shop', ...(selector === undefined ? {} : { selector }) },
    ),
  );

/** `field: message` of each finding about a credential. */
function found(...objects: readonly MeshObject[]): readonly string[] {
  return lint(objects, defaultMesh)
    .filter(({ code }) => code.startsWith('credential'))
    .map(({ severity, code, object, field, message }) => `${severity} ${code} ${object} ${field}: ${message}`);
}

const secret = (name: string, namespace: string, data: Readonly<Record<string, string>>) =>
  objectsOf(secretYaml(name, data, namespace));
const pair = { 'tls.crt': one.certificate, 'tls.key': one.key };
const closed = 'connections to this server are closed';

describe('lint of credentials', () => {
  it('looks for Secrets where the gateways are, not where the Gateway is', () => {
    const elsewhere = [
      ...secret('plain', 'shop', pair),
      ...secret('mutual', 'shop', { ...pair, 'ca.crt': one.certificate }),
    ];
    expect(found(...gateway(), gate('edge'), ...elsewhere)).to.deep.equal([
      `warning credential-missing Gateway/shop/shop spec.servers[0].tls.credentialName: there is no Secret edge/plain: ${closed}`,
      `warning credential-missing Gateway/shop/shop spec.servers[1].tls.credentialName: there is no Secret edge/mutual: ${closed}`,
    ]);
    expect(found(...gateway(), gate('shop'), ...elsewhere)).to.deep.equal([]);
  });

  it('says what is wrong with one that is there', () => {
    const mismatch = { 'tls.crt': one.certificate, 'tls.key': other.key };
    const secrets = [...secret('plain', 'edge', mismatch), ...secret('mutual', 'edge', pair)];
    expect(found(...gateway(), gate('edge'), ...secrets)).to.deep.equal([
      `warning credential-mismatch Gateway/shop/shop spec.servers[0].tls.credentialName: Secret edge/plain: the key in tls.key is not that of the first certificate in tls.crt: ${closed}`,
      `warning credential-missing Gateway/shop/shop spec.servers[1].tls.credentialName: Secret edge/mutual: has neither ca.crt nor cacert: ${closed}`,
    ]);
    expect(
      found(
        ...gateway(),
        gate('edge'),
        ...secret('plain', 'edge', pair),
        ...secret('mutual', 'edge', pair),
        ...secret('mutual-cacert', 'edge', { cacert: one.certificate }),
      ),
    ).to.deep.equal([]);
  });

  it('says nothing where no gateway is known', () => {
    expect(found(...gateway())).to.deep.equal([]);
    expect(found(...gateway({}), gate('edge')), 'a selector of everything').to.deep.equal([]);
  });
});
