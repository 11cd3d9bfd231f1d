import { expect } from 'chai';
import { credentialsOf } from '../../../src/model/credentials.ts';
import type { SecretSource } from '../../../src/model/secret-source.ts';
import { expiredCredentials } from '../../../src/runtime/expired-credentials.ts';
import { objectsOf, secretYaml } from '../../support/gateway-documents.ts';
import { snapshotOf } from '../../support/objects.ts';
import { selfSigned } from '../../support/self-signed.ts';

describe('credentials that expired', () => {
  const { certificate, key } = selfSigned(1);
  const pair = { 'tls.crt': certificate, 'tls.key': key };
  const snapshot = snapshotOf(['shop', 'spare'].flatMap((name) => objectsOf(secretYaml(name, pair))));
  const source: SecretSource = { kind: 'key-pair', credential: 'shop' };
  const inUse = credentialsOf('edge', [source], (name) => snapshot.secrets.get('edge')?.get(name));
  const at = (year: number) =>
    expiredCredentials(snapshot, [inUse, { ...inUse, namespace: 'other' }], Date.UTC(year, 0)).map(
      ({ severity, code, object, message }) => `${severity} ${code} ${object}: ${message}`,
    );

  it('are told, where a router uses them', () => {
    expect(at(2026)).to.deep.equal([]);
    expect(at(2050)).to.deep.equal([
      'warning credential-expired Secret/edge/shop: its certificate expired at 2049-01-01T00:00:00.000Z',
    ]);
    expect(at(2019)).to.deep.equal([
      'warning credential-expired Secret/edge/shop: its certificate is valid from 2020-01-01T00:00:00.000Z only',
    ]);
  });
});
