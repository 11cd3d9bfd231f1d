import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import { formatCommands, formatProblem } from '../../../src/model/access-log-format.ts';
import type { AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import type { AccessLogSettings } from '../../../src/model/mesh.ts';
import { shadowReport } from '../../../src/telemetry/shadow-report.ts';
import { jwtAuthentication } from '../../../src/translate/envoy/jwt-authn.ts';
import { startDeafServer } from '../../support/als-deaf.ts';
import { AlsEnvoy, type AlsEnvoyOptions, envoyVersions, reporter } from '../../support/als-envoy.ts';
import { type AlsServer, startAlsServer } from '../../support/als-server.ts';
import { freePort, freePorts } from '../../support/free-ports.ts';
import { authorizationPolicy, meta, pod, snapshotOf } from '../../support/objects.ts';
import { eventually } from '../../support/sandbox.ts';
import { until } from '../../support/xds-grpc.ts';

const httpbin = pod(reporter.namespace, reporter.name, '10.0.0.1');
const authorization = 'Bearer foo/httpbin';

function policy(
  name: string,
  action: AuthorizationPolicy['action'],
  to: { readonly paths?: readonly string[]; readonly ports?: readonly number[] },
  dryRun = false,
): AuthorizationPolicy {
  return { ...authorizationPolicy('foo', name, 'ALLOW', [{ to }]), meta: meta('foo', name), action, dryRun };
}

/** What became of requests for these paths, in order. */
async function get(envoy: AlsEnvoy, ...paths: readonly string[]): Promise<readonly number[]> {
  const codes: number[] = [];
  for (const path of paths) {
    const answer = await fetch(`http://127.0.0.1:${envoy.options.httpPort}${path}`);
    await answer.text();
    codes.push(answer.status);
  }
  return codes;
}

/** Whether bytes come back. */
async function echoes({ options }: AlsEnvoy): Promise<boolean> {
  const socket = connect(options.tcpPort, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('hello');
  let answered = false;
  socket.once('data', () => {
    answered = true;
    socket.end();
  });
  socket.once('end', () => socket.end());
  await once(socket, 'close');
  return answered;
}

/** For commands that need something in parentheses. */
const formatArguments: Readonly<Record<string, string>> = {
  REQ: '(X-A?:PATH):10',
  RESP: '(x)',
  TRAILER: '(x)',
  START_TIME: '(%Y/%m/%d %H:%M:%S %z)',
  DYNAMIC_METADATA: '(envoy.filters.http.rbac:a:b)',
  CLUSTER_METADATA: '(a:b)',
  FILTER_STATE: '(a:PLAIN):3',
  ENVIRONMENT: '(HOME):10',
  COMMON_DURATION: '(DS_RX_BEG:DS_TX_END:us)',
};

const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;

/** A token of the test's issuer, signed by nobody. */
function badToken(kid: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = part({ iss: 'issuer', sub: 'me', exp: Math.floor(Date.now() / 1_000) + 600 });
  return [part({ alg: 'ES256', kid, typ: 'JWT' }), claims, Buffer.alloc(64, 1).toString('base64url')].join('.');
}

function jwtFilter(jwks: string): object {
  const type = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';
  const provider = {
    issuer: 'issuer',
    audiences: [],
    jwks,
    fromHeaders: [],
    fromParams: [],
    fromCookies: [],
    forwardOriginalToken: false,
    outputPayloadToHeader: '',
    outputClaimToHeaders: [],
    spaceDelimitedClaims: [],
  };
  const message = Object(toJson(type, jwtAuthentication([provider])));
  return { name: 'jwt', typed_config: { '@type': `type.googleapis.com/${type}`, ...message } };
}

function report(server: AlsServer) {
  return shadowReport(server.collector, snapshotOf([]), { policy: '', workload: '' });
}

function rows(server: AlsServer): readonly (readonly string[])[] {
  return report(server)
    .policies.flatMap(({ name, counts }) =>
      counts.map(({ path, now, would, part }) => [name, path, `${now} ${would}`, part]),
    )
    .sort((a, b) => (a.join() < b.join() ? -1 : 1));
}

for (const version of envoyVersions) {
  describe(`access logs of Envoy ${version}`, () => {
    let echo: Server;
    let base: Pick<AlsEnvoyOptions, 'version' | 'httpPort' | 'tcpPort' | 'adminPort' | 'echoPort'>;

    beforeEach(async () => {
      echo = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.pipe(socket);
      });
      echo.listen(0, '127.0.0.1');
      await once(echo, 'listening');
      const bound = echo.address();
      const [httpPort = 0, tcpPort = 0, adminPort = 0] = await freePorts(3);
      base = { version, httpPort, tcpPort, adminPort, echoPort: typeof bound === 'object' ? (bound?.port ?? 0) : 0 };
    });

    afterEach(() => {
      echo.close();
    });

    const start = (
      server: AlsServer,
      policies: readonly AuthorizationPolicy[],
      more: Partial<AlsEnvoyOptions> = {},
    ) => {
      server.set(httpbin, ...policies);
      return AlsEnvoy.start({ ...base, policies, als: { port: server.port, ca: server.ca, authorization }, ...more });
    };

    it('are counted for each dry run, with one verdict of all policies', async () => {
      await using server = await startAlsServer();
      const policies = [
        policy('deny', 'DENY', { paths: ['/denied'] }),
        policy('try-deny', 'DENY', { paths: ['/new-denied'] }, true),
        policy('allow', 'ALLOW', { paths: ['/old', '/new-denied', '/denied'], ports: [base.httpPort] }),
        policy('try-allow', 'ALLOW', { paths: ['/new'] }, true),
      ];
      await using envoy = await start(server, policies);
      const paths = ['/old?token=secret', '/new', '/denied', '/new-denied', '/nothing'];
      expect(await get(envoy, ...paths)).to.deep.equal([200, 403, 403, 200, 403]);
      const http = () => rows(server).filter(([, path]) => path?.startsWith('/'));
      await until(() => http().length >= 9, 'all requests', 10_000);
      // No ALLOW is asked about what a DENY stopped.
      expect(http()).to.deep.equal([
        ['try-allow', '/new', 'denied allowed', 'matched'],
        ['try-allow', '/new-denied', 'allowed denied', 'other'],
        ['try-allow', '/nothing', 'denied denied', 'unmatched'],
        ['try-allow', '/old', 'allowed allowed', 'other'],
        ['try-deny', '/denied', 'denied denied', 'other'],
        ['try-deny', '/new', 'denied allowed', 'other'],
        ['try-deny', '/new-denied', 'allowed denied', 'matched'],
        ['try-deny', '/nothing', 'denied denied', 'other'],
        ['try-deny', '/old', 'allowed allowed', 'other'],
      ]);
      expect(JSON.stringify(report(server))).not.to.contain('secret');
    });

    it('tell of TCP connections, too', async () => {
      await using server = await startAlsServer();
      const { tcpPort } = base;
      const policies = [
        policy('try-deny', 'DENY', { ports: [tcpPort] }, true),
        policy('allow', 'ALLOW', { ports: [tcpPort] }),
        policy('try-allow', 'ALLOW', { ports: [1] }, true),
      ];
      await using envoy = await start(server, policies);
      expect(await echoes(envoy)).to.equal(true);
      await until(() => rows(server).length >= 2, 'the connection', 10_000);
      expect(rows(server)).to.deep.equal([
        ['try-allow', `tcp:${tcpPort}`, 'allowed denied', 'other'],
        ['try-deny', `tcp:${tcpPort}`, 'allowed denied', 'matched'],
      ]);
    });

    it('tell of TCP connections that are refused now, and would be let in', async () => {
      await using server = await startAlsServer();
      const { tcpPort } = base;
      const policies = [policy('allow', 'ALLOW', { ports: [1] }), policy('try', 'ALLOW', { ports: [tcpPort] }, true)];
      await using envoy = await start(server, policies);
      expect(await echoes(envoy)).to.equal(false);
      await until(() => rows(server).length >= 1, 'the connection', 10_000);
      expect(rows(server)).to.deep.equal([['try', `tcp:${tcpPort}`, 'denied allowed', 'matched']]);
    });

    it('name the policy of an AUDIT that matched, and tell of nothing else then', async () => {
      await using server = await startAlsServer();
      const { tcpPort } = base;
      const policies = [
        policy('log', 'AUDIT', { paths: ['/a'], ports: [base.httpPort] }),
        policy('tcp', 'AUDIT', { ports: [tcpPort] }),
      ];
      await using envoy = await start(server, policies);
      expect(await get(envoy, '/a', '/b')).to.deep.equal([200, 200]);
      expect(await echoes(envoy)).to.equal(true);
      await until(() => rows(server).length >= 2, 'the audits', 10_000);
      expect(rows(server)).to.deep.equal([
        ['log', '/a', 'allowed allowed', 'audited'],
        ['tcp', `tcp:${tcpPort}`, 'allowed allowed', 'audited'],
      ]);
    });

    it('are not even opened while no policy wants to know anything', async () => {
      await using server = await startAlsServer();
      const policies = [
        policy('deny', 'DENY', { paths: ['/no'] }),
        policy('allow', 'ALLOW', { paths: ['/no', '/yes'] }),
      ];
      await using envoy = await start(server, policies);
      expect(await get(envoy, '/yes', '/no', '/other')).to.deep.equal([200, 403, 403]);
      const sent = 'access_logs\\.grpc_access_log\\.logs_(written|dropped)';
      expect(await envoy.stats(`^(${sent}|cluster\\.xds-grpc\\.upstream_cx_total)$`)).to.deep.equal({
        'access_logs.grpc_access_log.logs_dropped': 0,
        'access_logs.grpc_access_log.logs_written': 0,
        'cluster.xds-grpc.upstream_cx_total': 0,
      });
      expect(server.logs.streams).to.equal(0);
    });

    it('tell of a token whose key is not known, and of no other bad token', async () => {
      await using server = await startAlsServer();
      const known = { ...ecKey.export({ format: 'jwk' }), kid: 'known', alg: 'ES256' };
      await using envoy = await start(server, [], { before: [jwtFilter(JSON.stringify({ keys: [known] }))] });
      const asked = async (kid: string): Promise<number> => {
        const headers = { authorization: `Bearer ${badToken(kid)}` };
        return (await fetch(`http://127.0.0.1:${envoy.options.httpPort}/`, { headers })).status;
      };
      expect([await asked('known'), await asked('other')]).to.deep.equal([401, 401]);
      await until(() => server.unknownKeys.length > 0, 'an unknown key', 10_000);
      expect(server.unknownKeys).to.deep.equal([{ namespace: 'foo', labels: { app: 'httpbin' } }]);
      expect(server.collector.tally.totals.entries).to.equal(1);
    });

    it('hold up no request while the control plane is away', async () => {
      await using server = await startAlsServer();
      const nobody = await freePort();
      const als = { port: nobody, ca: server.ca, authorization };
      await using envoy = await start(server, [policy('try', 'DENY', { paths: ['/a'] }, true)], { als });
      const codes = await get(envoy, ...Array<string>(300).fill('/a'));
      expect(codes.filter((code) => code === 200).length).to.equal(300);
      expect(await echoes(envoy)).to.equal(true);
    });

    it('hold up no request while the control plane takes nothing in', async () => {
      await using server = await startAlsServer();
      await using deaf = await startDeafServer(server);
      const als = { port: deaf.port, ca: server.ca, authorization };
      await using envoy = await start(server, [policy('try', 'DENY', { paths: ['/a'] }, true)], { als });
      await get(envoy, '/a');
      await until(() => deaf.streams() > 0, 'a stream', 10_000);
      const codes = await get(envoy, ...Array<string>(1_000).fill(`/a/${'x'.repeat(4_000)}`));
      expect(codes.filter((code) => code === 200).length).to.equal(1_000);
      const { 'access_logs.grpc_access_log.logs_dropped': dropped = 0 } = await envoy.stats('logs_dropped$');
      expect(dropped).to.be.greaterThan(0);
    });

    it('take every format that our settings take', async () => {
      await using server = await startAlsServer();
      await using folder = await mkdtempDisposable(join(tmpdir(), 'coxswain-als-log-'));
      const format = [...formatCommands.keys()]
        .map((command) => `%${command}${formatArguments[command] ?? ''}%`)
        .join(' ');
      expect(formatProblem(format)).to.equal(undefined);
      const log: AccessLogSettings = { file: join(folder.path, 'log'), encoding: 'TEXT', format: `${format} %%\n` };
      await using envoy = await start(server, [], { log });
      expect(await get(envoy, '/')).to.deep.equal([200]);
    });

    it('in a file name the policy that denied', async () => {
      await using server = await startAlsServer();
      await using folder = await mkdtempDisposable(join(tmpdir(), 'coxswain-als-log-'));
      const policies = [policy('deny', 'DENY', { paths: ['/no'] })];
      const denied = /rbac_access_denied_matched_policy\[ns\[foo\]-policy\[deny\]-rule\[0\]\]/;
      const formats: readonly Pick<AccessLogSettings, 'encoding' | 'format'>[] = [
        { encoding: 'TEXT', format: '' },
        { encoding: 'JSON', format: '' },
        { encoding: 'TEXT', format: '%REQ(:PATH)% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%\n' },
        { encoding: 'JSON', format: '{"why":"%RESPONSE_CODE_DETAILS%","tcp":"%CONNECTION_TERMINATION_DETAILS%"}' },
      ];
      for (const [index, each] of formats.entries()) {
        const file = join(folder.path, String(index));
        await using envoy = await start(server, policies, { log: { file, ...each } });
        expect(await get(envoy, '/no')).to.deep.equal([403]);
        // On TCP nothing is left of the path, so every connection is denied.
        expect(await echoes(envoy)).to.equal(false);
        const lines = await eventually(
          'two denials',
          async () => {
            const text = await readFile(file, 'utf8').catch(() => '');
            const found = text.split('\n').filter((line) => denied.test(line));
            return found.length >= 2 ? found : undefined;
          },
          20_000,
        );
        if (each.encoding === 'JSON') for (const line of lines) expect(JSON.parse(line)).to.be.an('object');
      }
    });
  });
}
