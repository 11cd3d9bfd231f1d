import { encode } from '@envoyproxy/protos';
import { expect } from 'chai';
import fc from 'fast-check';
import { MeshError } from '../../../src/lib/errors.ts';
import { WireVersions } from '../../../src/xds/initial-versions.ts';
import { parseRequest, requestTags } from '../../../src/xds/request.ts';
import { rangeStrings } from '../../../src/xds/wire.ts';

describe('parseRequest', () => {
  it('reads what protobufjs wrote, delta', () => {
    const bytes = encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', {
      node: { id: 'n' },
      typeUrl: 't',
      resourceNamesSubscribe: ['a', 'ü'],
      resourceNamesUnsubscribe: ['b'],
      initialResourceVersions: { x: '1', y: '' },
      responseNonce: 'r',
      errorDetail: { code: 13, message: 'no', details: [{ type_url: 'x', value: new Uint8Array(3) }] },
    });
    const request = parseRequest(Buffer.from(bytes), 'delta');
    expect({
      type: request.type,
      node: request.node,
      names: rangeStrings(request.names, requestTags.names),
      unsubscribe: rangeStrings(request.unsubscribe, requestTags.unsubscribe),
      versions: new WireVersions(request.initialVersions).entries(),
      nonce: request.nonce,
      error: request.error,
    }).to.deep.equal({
      type: 't',
      node: Buffer.from(encode('envoy.config.core.v3.Node', { id: 'n' })),
      names: ['a', 'ü'],
      unsubscribe: ['b'],
      versions: [
        ['x', '1'],
        ['y', ''],
      ],
      nonce: 'r',
      error: { code: 13, message: 'no' },
    });
  });

  it('reads what protobufjs wrote, state of the world', () => {
    const bytes = encode('envoy.service.discovery.v3.DiscoveryRequest', {
      versionInfo: 'v',
      node: { id: 'n' },
      typeUrl: 't',
      resourceNames: ['a'],
      responseNonce: 'r',
      errorDetail: { code: 1, message: 'm' },
    });
    const request = parseRequest(Buffer.from(bytes), 'sotw');
    expect(rangeStrings(request.names, requestTags.names)).to.deep.equal(['a']);
    expect([request.type, request.nonce, request.error]).to.deep.equal(['t', 'r', { code: 1, message: 'm' }]);
  });

  it('finds names that other fields stand between', () => {
    const part = (message: { typeUrl?: string; resourceNamesSubscribe?: string[] }) =>
      encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', message);
    const bytes = Buffer.concat([
      part({ resourceNamesSubscribe: ['a'] }),
      part({ typeUrl: 't' }),
      part({ resourceNamesSubscribe: ['b'] }),
    ]);
    const { names } = parseRequest(bytes, 'delta');
    expect([names.count, rangeStrings(names, requestTags.names)]).to.deep.equal([2, ['a', 'b']]);
  });

  it('cuts an endless error message', () => {
    const errorDetail = { code: 13, message: 'x'.repeat(100_000) };
    const bytes = encode('envoy.service.discovery.v3.DeltaDiscoveryRequest', { errorDetail });
    expect(parseRequest(Buffer.from(bytes), 'delta').error?.message.length).to.equal(4097);
  });

  it('takes or refuses any bytes, but never fails in another way', () => {
    const header = fc.constantFrom(0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x3a, 0x08, 0x0d, 0x09, 0x0b);
    const field = fc.tuple(header, fc.uint8Array({ maxLength: 12 })).map(([tag, rest]) => [tag, ...rest]);
    fc.assert(
      fc.property(fc.array(field), fc.constantFrom('delta' as const, 'sotw' as const), (fields, mode) => {
        try {
          const request = parseRequest(Buffer.from(fields.flat()), mode);
          rangeStrings(request.names, requestTags.names);
          new WireVersions(request.initialVersions).entries();
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(MeshError).with.property('code', 'bad-argument');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
