import { expect } from 'chai';
import type { MtlsMode } from '../../../../src/model/peer-authentication.ts';
import type { Protocol } from '../../../../src/model/service.ts';
import { inboundChains } from '../../../../src/translate/envoy/inbound-chains.ts';

const http = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
const tcp = ['istio-peer-exchange', 'istio'];
const any = ['istio', 'istio-peer-exchange', ...http];
const plain = ['http/1.1', 'h2c'];

/** `name: {match} -> what happens`, as the matrix writes it. */
function shown(protocol: Protocol, mode: MtlsMode): readonly string[] {
  return inboundChains(protocol, mode).map(
    ({ name, transport, alpn, mtls, content }) =>
      `${name}: {${[transport, ...(alpn.length > 0 ? [`ALPN ${alpn.join()}`] : [])].join(' ')}} -> ${content}${mtls ? ' mTLS' : ''}`,
  );
}

/** behaviour.md 3.3, the whole match matrix. */
const matrix: readonly {
  readonly protocols: readonly Protocol[];
  readonly chains: Readonly<Record<MtlsMode, readonly string[]>>;
}[] = [
  {
    protocols: ['http', 'http2', 'grpc'],
    chains: {
      STRICT: ['mtls: {tls} -> http mTLS'],
      PERMISSIVE: [`mtls: {tls ALPN ${any.join()}} -> http mTLS`, 'plaintext: {raw_buffer} -> http'],
      DISABLE: ['plaintext: {raw_buffer} -> http'],
    },
  },
  {
    protocols: ['tcp', 'tls'],
    chains: {
      STRICT: ['mtls: {tls} -> tcp mTLS'],
      PERMISSIVE: [
        `mtls: {tls ALPN ${any.join()}} -> tcp mTLS`,
        'app-tls: {tls} -> tcp',
        'plaintext: {raw_buffer} -> tcp',
      ],
      DISABLE: ['plaintext: {raw_buffer} -> tcp'],
    },
  },
  {
    protocols: ['auto'],
    chains: {
      STRICT: [`http-mtls: {tls ALPN ${http.join()}} -> http mTLS`, 'tcp-mtls: {tls} -> tcp mTLS'],
      PERMISSIVE: [
        `http-mtls: {tls ALPN ${http.join()}} -> http mTLS`,
        `http: {raw_buffer ALPN ${plain.join()}} -> http`,
        `tcp-mtls: {tls ALPN ${tcp.join()}} -> tcp mTLS`,
        'tcp: {raw_buffer} -> tcp',
        'app-tls: {tls} -> tcp',
      ],
      DISABLE: [`http: {raw_buffer ALPN ${plain.join()}} -> http`, 'tcp: {raw_buffer} -> tcp'],
    },
  },
];

const modes: readonly MtlsMode[] = ['STRICT', 'PERMISSIVE', 'DISABLE'];

describe('inboundChains', () => {
  for (const { protocols, chains } of matrix) {
    for (const protocol of protocols) {
      for (const mode of modes) {
        it(`${protocol}, ${mode}`, () => {
          expect(shown(protocol, mode)).to.deep.equal(chains[mode]);
        });
      }
    }
  }

  it('covers every protocol there is', () => {
    const all: Readonly<Record<Protocol, true>> = {
      http: true,
      http2: true,
      grpc: true,
      tcp: true,
      tls: true,
      auto: true,
    };
    expect(matrix.flatMap(({ protocols }) => protocols).sort()).to.deep.equal(Object.keys(all).sort());
  });

  it('never lets plaintext in under STRICT, and never asks for a certificate under DISABLE', () => {
    for (const protocol of matrix.flatMap(({ protocols }) => protocols)) {
      expect(inboundChains(protocol, 'STRICT').every(({ mtls, transport }) => mtls && transport === 'tls')).to.equal(
        true,
      );
      expect(inboundChains(protocol, 'DISABLE').some(({ mtls }) => mtls)).to.equal(false);
    }
  });
});
