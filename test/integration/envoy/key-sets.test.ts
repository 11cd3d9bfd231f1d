import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parseKeySet } from '../../../src/model/jwks.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { keyCases } from '../../support/key-cases.ts';

const run = promisify(execFile);

/** What Envoy makes of key sets, each one alone: with one that it can't read it refuses the whole filter. */
async function verdict(version: string, sets: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'coxswain-jwks-'));
  const filters = [
    {
      name: 'jwt',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
        providers: Object.fromEntries(
          sets.map((inline, index) => [`p${index}`, { issuer: 'x', local_jwks: { inline_string: inline } }]),
        ),
      },
    },
    {
      name: 'router',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
    },
  ];
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'x',
    route_config: {},
    http_filters: filters,
  };
  const listener = {
    name: 'x',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  };
  const file = join(folder, 'envoy.json');
  try {
    await writeFile(file, JSON.stringify({ static_resources: { listeners: [listener] } }));
    const binary = new URL(`../../../.tools/envoy-${version}/envoy`, import.meta.url).pathname;
    return await run(binary, ['--mode', 'validate', '-c', file, '-l', 'error']).then(
      () => 'taken',
      (thrown: { stderr?: string }) => `refused: ${thrown.stderr ?? ''}`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('key sets in Envoy', () => {
  for (const version of envoyVersions) {
    it(`are all taken that we hand on, by ${version}, and the same check sees one that is not`, async () => {
      const { good, bad } = await keyCases();
      const sets = Object.values(good).map((key) => {
        const read = parseKeySet(JSON.stringify({ keys: [key, ...Object.values(bad).map(([each]) => each)] }));
        return read.ok ? read.value.jwks : 'no keys';
      });
      expect(await verdict(version, sets)).to.equal('taken');
      for (const name of ['RSA with exponent 17', 'half a character as an id', 'P-256 beside its curve']) {
        expect(await verdict(version, [JSON.stringify({ keys: [bad[name]?.[0]] })]), name).to.match(
          /^refused: .*Jwks/s,
        );
      }
    });
  }
});
