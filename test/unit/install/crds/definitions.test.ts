import { expect } from 'chai';
import { staleCrdFiles } from '../../../../scripts/crds.ts';
import { apiVersions, kindReaders } from '../../../../src/config/decode/kinds.ts';
import { customResourceDefinitions } from '../../../../src/install/crds/definitions.ts';
import type { Schema } from '../../../../src/install/crds/schema.ts';

const crds = customResourceDefinitions();

/** Every schema inside of a schema, with its path. */
function* schemas(schema: Schema, path: string): Generator<readonly [string, Schema]> {
  yield [path, schema];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) yield* schemas(inner, `${path}.${name}`);
  if (schema.items !== undefined) yield* schemas(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* schemas(schema.additionalProperties, `${path}{}`);
}

const all = crds.flatMap(({ spec }) => {
  const schema = spec.versions[0]?.schema.openAPIV3Schema ?? {};
  return [...schemas(schema, spec.names.kind)];
});

describe('CustomResourceDefinitions', () => {
  it('stand in deploy/crds as they are here (else run node scripts/crds.ts)', () => {
    expect(staleCrdFiles()).to.deep.equal([]);
  });

  it('have the names that people type', () => {
    expect(crds.map(({ spec: { names } }) => [names.kind, names.plural, names.shortNames?.[0]])).to.deep.equal([
      ['PeerAuthentication', 'peerauthentications', 'pa'],
      ['RequestAuthentication', 'requestauthentications', 'ra'],
      ['AuthorizationPolicy', 'authorizationpolicies', 'ap'],
      ['DestinationRule', 'destinationrules', 'dr'],
      ['VirtualService', 'virtualservices', 'vs'],
      ['Gateway', 'gateways', 'gw'],
      ['ServiceEntry', 'serviceentries', 'se'],
      ['WorkloadEntry', 'workloadentries', 'we'],
      ['Sidecar', 'sidecars', undefined],
    ]);
  });

  it('serve every version that the decoder reads, and store the newest', () => {
    for (const reader of kindReaders.filter(({ group }) => group.endsWith('istio.io'))) {
      const crd = crds.find(({ spec }) => spec.names.kind === reader.kind);
      const served = crd?.spec.versions.map(({ name }) => `${crd.spec.group}/${name}`);
      expect(served, reader.kind).to.deep.equal(apiVersions(reader));
      expect(crd?.spec.versions.map(({ storage }) => storage)).to.deep.equal(served?.map((_, index) => index === 0));
    }
  });

  it('have one schema for all versions of a kind', () => {
    for (const { spec } of crds) {
      expect(new Set(spec.versions.map(({ schema }) => JSON.stringify(schema))).size, spec.names.kind).to.equal(1);
    }
  });

  it('have a status that several controllers can write', () => {
    for (const [path, schema] of all.filter(([path]) => path.endsWith('.status.conditions'))) {
      expect([schema['x-kubernetes-list-type'], schema['x-kubernetes-list-map-keys']], path).to.deep.equal([
        'map',
        ['type'],
      ]);
    }
    expect(all.filter(([path]) => path.endsWith('.status.conditions')).length).to.equal(crds.length);
  });

  it('show what the control plane says of a policy', () => {
    const columns = (kind: string): readonly string[] | undefined =>
      crds
        .find(({ spec }) => spec.names.kind === kind)
        ?.spec.versions[0]?.additionalPrinterColumns.map(({ name }) => name);
    expect(columns('PeerAuthentication')).to.deep.equal(['Mode', 'Accepted', 'Enforced', 'Age']);
    expect(columns('AuthorizationPolicy')).to.deep.equal(['Action', 'Accepted', 'Enforced', 'Age']);
    expect(columns('Gateway')).to.deep.equal(['Accepted', 'Enforced', 'Age']);
    expect(columns('VirtualService')).to.deep.equal(['Gateways', 'Hosts', 'Accepted', 'Age']);
  });

  it('drop no field within a spec by leaving its type open', () => {
    const open = all.filter(([path, schema]) => path.includes('.spec') && schema.type === undefined);
    expect(open.map(([path]) => path)).to.deep.equal([]);
  });

  it('have patterns that this language reads, too', () => {
    for (const [path, { pattern }] of all) {
      if (pattern !== undefined) expect(() => new RegExp(pattern, 'u'), path).not.to.throw();
    }
  });

  it('take durations as Go writes them', () => {
    const pattern = new RegExp(
      all.find(([path]) => path === 'VirtualService.spec.http[].timeout')?.[1].pattern ?? 'none',
    );
    const good = ['0', '0s', '10s', '1.5s', '.5s', '1h30m', '250ms', '1h0m0.5s'];
    const bad = ['', '10', '-1s', 's', '1d', '1 s', '1h30'];
    expect(good.filter((text) => !pattern.test(text))).to.deep.equal([]);
    expect(bad.filter((text) => pattern.test(text))).to.deep.equal([]);
  });
});
