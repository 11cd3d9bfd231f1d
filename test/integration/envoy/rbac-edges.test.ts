import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePorts } from '../../support/free-ports.ts';
import { createTestCa, type Leaf } from '../../support/rbac-certificates.ts';
import { echoes, sendAll } from '../../support/rbac-clients.ts';
import { byRequest, byServerName, bySource, type Edge, type Peer, peers } from '../../support/rbac-edges.ts';
import { startRbacEnvoy, tcpAddress } from '../../support/rbac-envoy.ts';
import { policy } from '../../support/rbac-policies.ts';
import { signTokens } from '../../support/rbac-tokens.ts';

const run = promisify(execFile);

for (const version of envoyVersions) {
  describe(`RBAC on Envoy ${version}, at its edges`, () => {
    let envoy: AsyncDisposable;
    let ports: readonly number[];
    let ca: string;
    let tokens: Awaited<ReturnType<typeof signTokens>>;
    const leaves = new Map<Peer, 'anonymous' | Leaf>([['anonymous', 'anonymous']]);

    before(async () => {
      const authority = await createTestCa();
      ca = authority.certificate;
      for (const peer of ['b', 'odd', 'long', 'dnsOnly', 'two', 'nested'] as const) {
        leaves.set(peer, await authority.issue(peers[peer], peer === 'dnsOnly' ? 'CN=x/ns/admin/sa/admin' : ''));
      }
      ports = await freePorts(1);
      const cases = (edges: readonly Edge[]) =>
        edges.map(({ action = 'ALLOW', rule }) => ({
          policies: [policy('p', action, rule === undefined ? [] : [rule])],
          mesh: defaultMesh,
        }));
      tokens = await signTokens();
      const server = await authority.issue([{ type: 'dns', value: 'server' }]);
      envoy = await startRbacEnvoy({
        version,
        http: cases([...bySource, ...byRequest]),
        tcp: cases([...bySource, ...byServerName]),
        ports,
        ca,
        server,
        jwks: tokens.jwks,
      });
    });

    after(async () => {
      await envoy[Symbol.asyncDispose]();
    });

    [...bySource, ...byRequest].forEach(({ what, peer, request, claims, allowed }, index) => {
      it(`HTTP ${allowed ? 'allows' : 'denies'}: ${what}`, async () => {
        const raw = { method: 'GET', path: '/', host: 'example.com', headers: {}, ...request };
        const bearer = claims === undefined ? {} : { authorization: `Bearer ${tokens.tokenOf(claims)}` };
        const headers = { ...raw.headers, ...bearer, 'x-case': String(index) };
        const statuses = await sendAll(
          { host: '127.0.0.1', port: ports[0] ?? 0, ca, as: leaves.get(peer) ?? 'plaintext' },
          [{ ...raw, headers }],
        );
        expect(statuses).to.deep.equal([allowed ? 200 : 403]);
      });
    });

    bySource.forEach(({ what, peer, allowed }, index) => {
      it(`TCP ${allowed ? 'allows' : 'denies'}: ${what}`, async () => {
        const [host, port] = tcpAddress(index, ports);
        expect(await echoes({ host, port, ca, as: leaves.get(peer) ?? 'plaintext' })).to.equal(allowed);
      });
    });

    byServerName.forEach(({ what, serverName, allowed }, index) => {
      it(`TLS ${allowed ? 'allows' : 'denies'}: ${what}`, async () => {
        const [host, port] = tcpAddress(bySource.length + index, ports);
        const client = `(echo hello; sleep 1) | timeout 5 openssl s_client -connect ${host}:${port} -quiet -servername $'${serverName}'`;
        const { stdout } = await run('bash', ['-c', client]).catch((error: unknown) => ({
          stdout: String(Object(error).stdout),
        }));
        expect(stdout.includes('hello')).to.equal(allowed);
      });
    });
  });
}
