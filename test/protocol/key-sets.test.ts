import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from '@envoyproxy/protos';
import { expect } from 'chai';
import type { JWK } from 'jose';
import { isRecord } from '../../src/lib/is-record.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { parseKeySet } from '../../src/model/jwks.ts';
import { types } from '../../src/model/type-urls.ts';
import { startControlPlane } from '../../src/runtime.ts';
import { readSettings, type SettingFlags } from '../../src/settings.ts';
import { newKey } from '../support/key-cases.ts';
import { type KeyServer, startKeyServer } from '../support/key-server.ts';
import { createTestCa } from '../support/rbac-certificates.ts';
import { node, XdsClient } from '../support/xds-grpc.ts';

const jwtFilter = 'coxswain.http.jwt';

/** A control plane as the command line starts it, an issuer with TLS, and a client that asks for the JWT filter. */
describe('keys of an issuer, from its server to a sidecar', () => {
  let folder: string;
  let key: JWK;
  let server: KeyServer;
  let documents: Readonly<Record<string, unknown>>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coxswain-keys-'));
    const ca = await createTestCa();
    key = await newKey('ES256');
    const leaf = await ca.issue([{ type: 'dns', value: 'localhost' }]);
    server = await startKeyServer(({ url = '' }, response) => response.end(JSON.stringify(documents[url])), leaf);
    const issuer = `https://localhost:${server.port}`;
    documents = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
      '/keys': { keys: [key] },
    };
    await writeFile(join(folder, 'ca.pem'), ca.certificate);
    await writeFile(
      join(folder, 'mesh.yaml'),
      `apiVersion: v1
kind: Pod
metadata: { name: web-1, namespace: foo, labels: { app: web } }
spec: { serviceAccountName: web, containers: [{ name: web, ports: [{ containerPort: 80 }] }] }
status: { phase: Running, podIP: 10.0.0.1 }
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt, namespace: foo }
spec: { jwtRules: [{ issuer: "${issuer}" }] }
`,
    );
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  interface Seen {
    /** Keys in the first JWT filter that a sidecar got; '' without any. */
    readonly keys: string;
    readonly findings: readonly { readonly code: string; readonly message: string; readonly field: string }[];
    readonly metrics: readonly string[];
  }

  async function run(flags: SettingFlags): Promise<Seen> {
    const state = await mkdtemp(join(tmpdir(), 'coxswain-keys-state-'));
    try {
      const places = { xds: '127.0.0.1:0', xdsInsecure: '127.0.0.1:0', admin: '127.0.0.1:0' };
      const settings = await readSettings({ config: folder, state, ...places, ...flags }, {});
      await using plane = await startControlPlane(settings, { log: silentLogger });
      using client = new XdsClient(plane.insecurePort ?? 0);
      const stream = client.delta();
      stream.send({
        node: node('web-1', 'foo'),
        typeUrl: types.extension,
        resourceNamesSubscribe: [jwtFilter],
      });
      const [resource] = (await stream.next()).resources ?? [];
      const config = decode('envoy.config.core.v3.TypedExtensionConfig', resource?.resource?.value ?? Buffer.alloc(0));
      const filter = decode(
        'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
        config.typedConfig?.value ?? Buffer.alloc(0),
      );
      const page = async (path: string): Promise<Response> => await fetch(`http://127.0.0.1:${plane.adminPort}${path}`);
      const findings: unknown = await (await page('/debug/findings')).json();
      const lines = (await (await page('/metrics')).text()).split('\n');
      return {
        keys: filter.providers?.['origins-0']?.localJwks?.inlineString ?? '',
        findings: (Array.isArray(findings) ? findings : [])
          .filter(isRecord)
          .map(({ code, message, field }) => ({ code: String(code), message: String(message), field: String(field) })),
        metrics: lines.filter((line) => /^(coxswain_jwks_(fetches|sets)|pilot_jwks)/.test(line)),
      };
    } finally {
      await rm(state, { recursive: true });
    }
  }

  it('stand in the first answer, with --jwks-ca and --jwks-allow', async () => {
    const { keys, findings, metrics } = await run({ jwksCa: join(folder, 'ca.pem'), jwksAllow: ['127.0.0.0/8'] });
    const read = parseKeySet(JSON.stringify({ keys: [key] }));
    expect(keys).to.equal(read.ok ? read.value.jwks : 'no keys');
    expect(findings.filter(({ code }) => code.startsWith('keys-'))).to.deep.equal([]);
    expect(metrics).to.deep.equal([
      'coxswain_jwks_fetches_total{result="success"} 1',
      'pilot_jwks_resolver_network_fetch_success_total 1',
      'pilot_jwks_resolver_network_fetch_fail_total 0',
      'coxswain_jwks_sets{state="fresh"} 1',
      'coxswain_jwks_sets{state="stale"} 0',
      'coxswain_jwks_sets{state="missing"} 0',
    ]);
  });

  it('are missing, and said to be, without either of the two; all else is served', async () => {
    const closed = await run({ jwksCa: join(folder, 'ca.pem') });
    const issuer = `https://localhost:${server.port}`;
    const words = `keys of ${issuer} are not fetched yet, and tokens are refused:`;
    expect([closed.keys, closed.findings.filter(({ code }) => code === 'keys-missing')]).to.deep.equal([
      '',
      [
        {
          code: 'keys-missing',
          message: `${words} localhost leads to 127.0.0.1 (loopback), where no keys are fetched from`,
          field: 'spec.jwtRules[0].issuer',
        },
      ],
    ]);
    const stranger = await run({ jwksAllow: ['127.0.0.0/8'] });
    expect(stranger.keys).to.equal('');
    const [finding] = stranger.findings.filter(({ code }) => code === 'keys-missing');
    expect(finding?.message).to.equal(
      `${words} localhost:${server.port} can't be asked (UNABLE_TO_VERIFY_LEAF_SIGNATURE)`,
    );
  });
});
