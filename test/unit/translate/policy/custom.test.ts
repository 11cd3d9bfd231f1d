import { expect } from 'chai';
import type { AuthorizationPolicy } from '../../../../src/model/authorization-policy.ts';
import type { ExtensionProvider } from '../../../../src/model/extension-provider.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { Service } from '../../../../src/model/service.ts';
import type { ServiceEntry } from '../../../../src/model/service-entry.ts';
import { effectiveCustom } from '../../../../src/translate/policy/custom.ts';
import {
  authorizationPolicy,
  grpcAuthorizer,
  httpAuthorizer,
  service,
  serviceEntry,
  snapshotOf,
} from '../../../support/objects.ts';

const host = 'asker.bar.svc.cluster.local';
const asker = service('bar', 'asker', [
  [80, 8080, 'http'],
  [9000, 9000, 'grpc'],
  [9001, 9001, 'http2'],
  [9002, 9002, 'tcp'],
]);
const custom = (name: string, provider: string): AuthorizationPolicy => ({
  ...authorizationPolicy('foo', name, 'DENY', [{}]),
  action: 'CUSTOM',
  provider,
});

/** Who is asked about which policies, and which are refused. */
function sorted(
  policies: readonly AuthorizationPolicy[],
  extensionProviders: readonly ExtensionProvider[],
  ...known: readonly (Service | ServiceEntry)[]
) {
  const snapshot = snapshotOf(known.length === 0 ? [asker] : known);
  const { asked, refused } = effectiveCustom(policies, { ...snapshot, mesh: { ...defaultMesh, extensionProviders } });
  const names = (list: readonly AuthorizationPolicy[]) => list.map(({ meta }) => meta.name);
  return {
    asked: asked.map(({ provider, policies: those }) => [provider.name, ...names(those)]),
    refused: names(refused),
  };
}

describe('effectiveCustom', () => {
  it('asks each provider about its own policies, by the name of the provider', () => {
    const providers = [httpAuthorizer('z', host), grpcAuthorizer('a-b', host), httpAuthorizer('a', host)];
    const policies = [custom('1', 'z'), custom('2', 'a'), custom('3', 'a-b'), custom('4', 'z'), custom('5', 'gone')];
    expect(sorted(policies, providers)).to.deep.equal({
      asked: [
        ['a', '2'],
        ['a-b', '3'],
        ['z', '1', '4'],
      ],
      refused: ['5'],
    });
  });

  it('refuses what nobody can be asked about, alone', () => {
    const good = grpcAuthorizer('good', host);
    const bad: readonly ExtensionProvider[] = [
      httpAuthorizer('x', 'absent.bar.svc.cluster.local'),
      httpAuthorizer('x', 'asker.bar.svc.elsewhere.local'),
      httpAuthorizer('x', 'asker.bar'),
      httpAuthorizer('x', host, { port: 81 }),
      grpcAuthorizer('x', host, { port: 80 }),
      grpcAuthorizer('x', host, { port: 9002 }),
    ];
    for (const provider of bad)
      expect(sorted([custom('1', 'x'), custom('2', 'good')], [provider, good]), JSON.stringify(provider)).to.deep.equal(
        {
          asked: [['good', '2']],
          refused: ['1'],
        },
      );
    const unreachable: readonly Partial<Service>[] = [{ headless: true }, { externalName: 'elsewhere.example' }];
    for (const more of unreachable)
      expect(sorted([custom('1', 'x')], [httpAuthorizer('x', host)], { ...asker, ...more }).refused).to.deep.equal([
        '1',
      ]);
  });

  it('asks one behind a ServiceEntry, too, where a cluster leads there', () => {
    const entry = (resolution: ServiceEntry['resolution'], of = 'authorizer.example') =>
      serviceEntry('bar', 'authorizer', of, [[9000, 9000, 'grpc']], { resolution });
    const outside = [grpcAuthorizer('x', 'authorizer.example')];
    expect(sorted([custom('1', 'x')], outside, entry('STATIC')).refused).to.deep.equal([]);
    expect(sorted([custom('1', 'x')], outside, entry('NONE')).refused).to.deep.equal(['1']);
    expect(sorted([custom('1', 'x')], [grpcAuthorizer('x', host)], entry('NONE', host), asker).refused).to.deep.equal(
      [],
    );
  });

  it('speaks gRPC over ports that are declared as HTTP/2, and HTTP over any', () => {
    const providers = [
      grpcAuthorizer('a', host),
      grpcAuthorizer('b', host, { port: 9001 }),
      httpAuthorizer('c', host, { port: 9002 }),
    ];
    expect(sorted([custom('1', 'a'), custom('2', 'b'), custom('3', 'c')], providers).refused).to.deep.equal([]);
  });
});
