import { any, anyBytes, decode, encode, envoy, setStrict, type TypeName, typeOf, typeUrl } from '@envoyproxy/protos';
import { expect } from 'chai';

const LISTENER = 'envoy.config.listener.v3.Listener';
const PRINCIPAL = 'envoy.config.rbac.v3.Principal';

/** Shapes that the compiler refuses, as a careless cast or an untyped caller would hand them over. */
function wrong<T>(value: unknown): T {
  return value as T;
}

describe('@envoyproxy/protos', () => {
  describe('encode', () => {
    it('writes what decode reads', () => {
      const bytes = encode(LISTENER, {
        name: 'virtualInbound',
        trafficDirection: envoy.config.core.v3.TrafficDirection.INBOUND,
        listenerFiltersTimeout: { seconds: 0, nanos: 5_000_000 },
      });
      const listener = decode(LISTENER, bytes);
      expect(listener.name).to.equal('virtualInbound');
      expect(listener.trafficDirection).to.equal(1);
      expect(listener.listenerFiltersTimeout?.nanos).to.equal(5_000_000);
    });

    it('names type and field where the shape is wrong', () => {
      expect(() => encode('envoy.config.rbac.v3.RBAC', wrong({ action: 'DENY' }))).to.throw(
        TypeError,
        'envoy.config.rbac.v3.RBAC: action: enum value expected',
      );
      expect(() => encode(LISTENER, wrong({ perConnectionBufferLimitBytes: 7 }))).to.throw(
        `${LISTENER}: perConnectionBufferLimitBytes.object expected`,
      );
      expect(() => encode(LISTENER, wrong({ filterChains: [{ name: 7 }] }))).to.throw(
        'filterChains.name: string expected',
      );
      expect(() => encode('google.protobuf.Duration', wrong({ seconds: 5n }))).to.throw(
        'seconds: integer|Long expected',
      );
      expect(() => encode(PRINCIPAL, wrong({ any: true, header: { name: 'x' } }))).to.throw(
        /identifier: multiple values/,
      );
    });

    it('refuses in strict mode what protobufjs would drop or wrap', () => {
      expect(() => encode(LISTENER, wrong({ nmae: 'x' }))).to.throw(`nmae: no such field in ${LISTENER}`);
      expect(() => encode(LISTENER, wrong({ filterChains: [{ tls: 1 }] }))).to.throw('filterChains.tls: no such field');
      expect(() => encode(LISTENER, wrong({ trafficDirection: 99 }))).to.throw('trafficDirection: 99 is no value of');
      expect(() => encode('google.protobuf.UInt32Value', { value: -1 })).to.throw('value: -1 is no uint32');
      expect(() => encode('google.protobuf.BytesValue', wrong({ value: 'aGk=' }))).to.throw(
        'a string where bytes belong',
      );
      setStrict(false);
      try {
        expect(encode(LISTENER, wrong({ nmae: 'x' }))).to.have.length(0);
      } finally {
        setStrict(true);
      }
    });

    it('refuses an unknown type', () => {
      expect(() => encode(wrong<TypeName>('envoy.config.listener.v3.Listner'), {})).to.throw('no such message type');
      // An outer scope has a Listener; exactly this name does not exist.
      expect(() => encode(wrong<TypeName>('envoy.config.listener.v3.Listener.Filter'), {})).to.throw(
        'no such message type',
      );
    });

    it('knows what only Envoy 1.40 knows', () => {
      const custom = {
        name: 'mtls',
        typedConfig: any('envoy.extensions.rbac.principals.mtls_authenticated.v3.Config', {}),
      };
      expect(decode(PRINCIPAL, encode(PRINCIPAL, { custom })).custom?.name).to.equal('mtls');
    });
  });

  describe('decode', () => {
    it('reads what is absent as undefined, empty or the default', () => {
      const listener = decode(LISTENER, new Uint8Array());
      expect(listener.address).to.equal(undefined);
      expect(listener.name).to.equal('');
      expect(listener.filterChains).to.deep.equal([]);
      const matcher = decode(
        'envoy.type.matcher.v3.StringMatcher',
        encode('envoy.type.matcher.v3.StringMatcher', { prefix: 'a' }),
      );
      expect(matcher.prefix).to.equal('a');
      expect(matcher.exact).to.equal(undefined);
      expect(matcher.safeRegex).to.equal(undefined);
    });

    it('throws on bytes that are no message', () => {
      expect(() => decode(LISTENER, Uint8Array.of(0xff))).to.throw();
    });
  });

  describe('any', () => {
    const bytes = encode(PRINCIPAL, { any: true });

    it('packs a message, or its bytes', () => {
      expect(any(PRINCIPAL, { any: true })).to.deep.equal({
        type_url: `type.googleapis.com/${PRINCIPAL}`,
        value: bytes,
      });
      expect(anyBytes(PRINCIPAL, bytes)).to.deep.equal(any(PRINCIPAL, { any: true }));
    });

    it('maps type URLs and names', () => {
      expect(typeOf(typeUrl(PRINCIPAL))).to.equal(PRINCIPAL);
      expect(typeOf('type.googleapis.com/example.Unknown')).to.equal(undefined);
      expect(typeOf('type.googleapis.com/envoy.config')).to.equal(undefined);
    });
  });
});
