import { expect } from 'chai';
import type { SecretProvider } from '../../../src/ca/secrets.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import { types } from '../../../src/model/type-urls.ts';
import { configProvider } from '../../../src/runtime/config-provider.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import type { Peer } from '../../../src/xds/provider.ts';
import { pod, sidecar, snapshotOf } from '../../support/objects.ts';

const victim = pod('foo', 'victim-1', '10.0.0.1', { serviceAccount: 'victim' });
const ignore = (): void => undefined;
const secrets: SecretProvider = {
  attach: () => ({ layers: () => [], adopt: () => false, [Symbol.dispose]: ignore }),
};
const proven = (serviceAccount: string): Peer => ({
  kind: 'proven',
  identity: { trustDomain: trustDomain('cluster.local'), namespace: 'foo', serviceAccount },
  pod: undefined,
  expiresAt: 0,
  by: 'svid',
});

describe('configuration provider', () => {
  const provider = configProvider(new Compiler(snapshotOf([victim])), secrets);

  it('gives no workload what is another service account’s, whatever pod it claims to be', () => {
    expect(() => provider.attach(sidecar(victim, { serviceAccount: 'evil' }), ignore, proven('evil'))).to.throw(
      'node claims to be victim-1.foo, which runs as service account victim, but its proof is for evil',
    );
  });

  it('serves the workload itself, and one that the registry does not know yet', () => {
    using known = provider.attach(sidecar(victim), ignore, proven('victim'));
    using unknown = provider.attach(sidecar(victim, { name: 'victim-2' }), ignore, proven('victim'));
    for (const each of [known, unknown]) expect(each.layers(types.listener).length).to.equal(2);
  });
});
