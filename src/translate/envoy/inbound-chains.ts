import { assertNever } from '../../lib/assert-never.ts';
import type { MtlsMode } from '../../model/peer-authentication.ts';
import { isHttp, type Protocol } from '../../model/service.ts';
import { mtlsAny, mtlsHttp, mtlsTcp, plainHttp } from './alpn.ts';

/** One kind of connection that a port accepts: how it is recognised, and what is done with it. */
export interface ChainShape {
  /** Last part of the chain's name: unique among the chains of a port. */
  readonly name: string;
  readonly transport: 'tls' | 'raw_buffer';
  /** Empty: any. */
  readonly alpn: readonly string[];
  /** Terminate mesh mTLS here; otherwise bytes pass as they are. */
  readonly mtls: boolean;
  readonly content: 'http' | 'tcp';
}

/**
 * Which connections a port accepts, by its declared protocol and its mTLS mode: the match matrix of behaviour.md 3.3.
 * What no shape matches is closed, which is how STRICT refuses plaintext.
 */
export function inboundChains(protocol: Protocol, mode: MtlsMode): readonly ChainShape[] {
  if (protocol === 'auto') return autoChains(mode);
  const content = isHttp(protocol) ? 'http' : 'tcp';
  const plaintext: ChainShape = { name: 'plaintext', transport: 'raw_buffer', alpn: [], mtls: false, content };
  switch (mode) {
    case 'STRICT':
      return [{ name: 'mtls', transport: 'tls', alpn: [], mtls: true, content }];
    case 'PERMISSIVE': {
      const mtls: ChainShape = { name: 'mtls', transport: 'tls', alpn: mtlsAny, mtls: true, content };
      // An application's own TLS can pass only where nobody has to read inside it.
      return content === 'http' ? [mtls, plaintext] : [mtls, ownTls, plaintext];
    }
    case 'DISABLE':
      return [plaintext];
    default:
      return assertNever(mode);
  }
}

const ownTls: ChainShape = { name: 'app-tls', transport: 'tls', alpn: [], mtls: false, content: 'tcp' };

function autoChains(mode: MtlsMode): readonly ChainShape[] {
  const httpMtls: ChainShape = { name: 'http-mtls', transport: 'tls', alpn: mtlsHttp, mtls: true, content: 'http' };
  const http: ChainShape = { name: 'http', transport: 'raw_buffer', alpn: plainHttp, mtls: false, content: 'http' };
  const tcp: ChainShape = { name: 'tcp', transport: 'raw_buffer', alpn: [], mtls: false, content: 'tcp' };
  switch (mode) {
    case 'STRICT':
      return [httpMtls, { name: 'tcp-mtls', transport: 'tls', alpn: [], mtls: true, content: 'tcp' }];
    case 'PERMISSIVE':
      return [
        httpMtls,
        http,
        { name: 'tcp-mtls', transport: 'tls', alpn: mtlsTcp, mtls: true, content: 'tcp' },
        tcp,
        ownTls,
      ];
    case 'DISABLE':
      return [http, tcp];
    default:
      return assertNever(mode);
  }
}
