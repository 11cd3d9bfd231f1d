import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { Authority } from '../../../src/ca/authority.ts';
import { openServingCertificate, servingNames } from '../../../src/ca/serving.ts';
import { defaultInjectSettings } from '../../../src/inject/settings.ts';
import { FakeClock, systemClock } from '../../../src/lib/clock.ts';
import { isRecord } from '../../../src/lib/is-record.ts';
import { objectIn, textIn } from '../../../src/lib/json-fields.ts';
import type { Logger } from '../../../src/lib/log.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { Labels } from '../../../src/model/object.ts';
import { startWebhookServer, type WebhookEvent, type WebhookServer } from '../../../src/webhook/server.ts';
import { testAuthority } from '../ca/helpers.ts';

const web = { metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };

interface Answer {
  readonly status: number;
  readonly body: string;
}

describe('webhook/server', () => {
  let stack: AsyncDisposableStack;
  let authority: Authority;
  let server: WebhookServer;
  let events: WebhookEvent[];
  let logged: string[];
  let known: Map<string, Labels>;
  let fetched: string[];
  let fetchLabels: (namespace: string) => Promise<Labels | undefined>;

  const log: Logger = {
    debug: (...line) => void logged.push(JSON.stringify(line)),
    info: (...line) => void logged.push(JSON.stringify(line)),
    warn: (...line) => void logged.push(JSON.stringify(line)),
    error: (...line) => void logged.push(JSON.stringify(line)),
    child: () => log,
  };

  function contextOf(by: Authority) {
    const options = { authority: by, clock: systemClock, random: () => 0.5, log };
    const certificate = stack.use(
      openServingCertificate({ ...options, dnsNames: servingNames('istio-system'), ipAddresses: [] }, () => undefined),
    );
    return certificate.context;
  }

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    [events, logged, fetched] = [[], [], []];
    known = new Map([['mesh', { 'istio-injection': 'enabled' }]]);
    fetchLabels = () => Promise.resolve({});
    authority = await testAuthority(new FakeClock(Date.now()));
    server = stack.use(
      await startWebhookServer({
        host: '127.0.0.1',
        port: 0,
        context: contextOf(authority),
        inject: {
          settings: () => defaultInjectSettings(),
          namespaceLabels: (name) => known.get(name),
          fetchNamespaceLabels: (name) => {
            fetched.push(name);
            return fetchLabels(name);
          },
        },
        validate: { mesh: () => defaultMesh, knownObjects: () => [] },
        count: (event) => events.push(event),
        log,
        clock: systemClock,
      }),
    );
  });
  afterEach(() => stack.disposeAsync());

  async function call(
    path: string,
    body: string | Buffer,
    more: {
      readonly method?: string;
      readonly type?: string;
      readonly chunked?: boolean;
      readonly ca?: Authority;
    } = {},
  ): Promise<Answer> {
    const request = httpsRequest({
      host: '127.0.0.1',
      port: server.port,
      path,
      method: more.method ?? 'POST',
      servername: 'coxswain.istio-system.svc',
      ca: (more.ca ?? authority).roots.join(''),
      agent: false,
      headers: {
        'content-type': more.type ?? 'application/json',
        ...(more.chunked === true ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) }),
      },
    });
    request.on('error', () => undefined);
    request.end(body);
    const answer = Promise.withResolvers<Answer>();
    request.once('error', answer.reject);
    request.once('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => answer.resolve({ status: response.statusCode ?? 0, body: text }));
    });
    return await answer.promise;
  }

  const review = (object: unknown, request: object = {}): string =>
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u-7',
        operation: 'CREATE',
        kind: { group: '', version: 'v1', kind: 'Pod' },
        namespace: 'mesh',
        object,
        ...request,
      },
    });

  async function response(path: string, body: string): Promise<Readonly<Record<string, unknown>>> {
    const answer = await call(path, body);
    expect(answer.status, answer.body).to.equal(200);
    const value: unknown = JSON.parse(answer.body);
    return objectIn(isRecord(value) ? value : {}, 'response');
  }

  it('injects with a patch that only adds', async () => {
    const { uid, allowed, patchType, patch } = await response('/inject?timeout=10s', review(web));
    expect({ uid, allowed, patchType }).to.deep.equal({ uid: 'u-7', allowed: true, patchType: 'JSONPatch' });
    const steps: readonly { op: string; path: string }[] = JSON.parse(Buffer.from(String(patch), 'base64').toString());
    expect(steps.map(({ op, path }) => `${op} ${path}`)).to.deep.equal([
      'add /metadata/labels',
      'add /metadata/annotations',
      'add /spec/initContainers',
      'add /spec/volumes',
    ]);
    expect(events).to.deep.equal([{ webhook: 'inject', outcome: 'injected' }]);
    expect(fetched).to.deep.equal([]);
  });

  it('lets a pod by without a patch, but only after the API server was asked for the labels', async () => {
    known.set('plain', {});
    expect(await response('/inject', review(web, { namespace: 'plain' }))).to.deep.equal({ uid: 'u-7', allowed: true });
    expect(fetched).to.deep.equal(['plain']);
    expect(events).to.deep.equal([{ webhook: 'inject', outcome: 'skipped' }]);
    fetchLabels = () => Promise.resolve({ 'istio-injection': 'enabled' });
    expect(await response('/inject', review(web, { namespace: 'plain' }))).to.have.property('patch');
    expect(await response('/inject', review(web, { namespace: 'unheard-of' }))).to.have.property('patch');
  });

  it('lets nothing by if the labels can not be had', async () => {
    fetchLabels = () => Promise.reject(new Error('the API server is away'));
    const answer = await call('/inject', review(web, { namespace: 'unheard-of' }));
    expect(answer.status).to.equal(500);
    expect(events).to.deep.equal([{ webhook: 'inject', outcome: 'failed' }]);
    expect(logged.join()).to.contain('the API server is away');
  });

  it('denies with field and reason', async () => {
    const metadata = { annotations: { 'sidecar.istio.io/logLevel': 'loud' } };
    const { allowed, status } = await response('/inject', review({ ...web, metadata }));
    expect({ allowed, status }).to.deep.equal({
      allowed: false,
      status: {
        code: 422,
        reason: 'Invalid',
        message:
          'no sidecar for this pod: metadata.annotations[sidecar.istio.io/logLevel]: "loud" is no log level ' +
          '(hint: use trace, debug, info, warning, error, critical or off)',
      },
    });
    expect(events).to.deep.equal([{ webhook: 'inject', outcome: 'refused' }]);
  });

  it('leaves alone what is no new pod', async () => {
    for (const request of [{ kind: { group: 'apps', kind: 'Pod' } }, { operation: 'UPDATE' }, { subResource: 'exec' }])
      expect(await response('/inject', review(web, request))).to.deep.equal({ uid: 'u-7', allowed: true });
    expect((await response('/inject', review(undefined)))['allowed']).to.equal(false);
  });

  it('validates', async () => {
    const policy = { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata: { name: 'x' } };
    const kind = { group: 'security.istio.io', kind: 'PeerAuthentication' };
    const good = await response('/validate', review({ ...policy, spec: { mtls: { mode: 'STRICT' } } }, { kind }));
    expect(good).to.deep.equal({ uid: 'u-7', allowed: true });
    const bad = await response('/validate', review({ ...policy, spec: { mtls: { mode: 'X' } } }, { kind }));
    expect(textIn(objectIn(bad, 'status'), 'message')).to.match(/^spec\.mtls\.mode: /);
    expect(events).to.deep.equal([
      { webhook: 'validate', outcome: 'passed' },
      { webhook: 'validate', outcome: 'refused' },
    ]);
  });

  it('answers what it does not understand in plain words, and repeats nothing of it', async () => {
    const secret = '{"password": "hunter2"';
    expect(await call('/inject', secret)).to.deep.equal({ status: 400, body: 'the body is not JSON\n' });
    expect(await call('/inject', review(web).replace('/v1', '/v1beta1'))).to.deep.equal({
      status: 400,
      body: 'only AdmissionReview of admission.k8s.io/v1 is understood\n',
    });
    expect((await call('/inject', '{}', { type: 'text/plain' })).status).to.equal(415);
    expect((await call('/inject', '', { method: 'GET' })).status).to.equal(405);
    expect((await call('/', '{}')).status).to.equal(404);
    expect(logged).to.deep.equal([]);
    expect(events.map(({ outcome }) => outcome)).to.deep.equal(['failed', 'failed', 'failed']);
  });

  it('takes 3 MiB and no more, whatever the length that is claimed', async () => {
    const largest = 3 * 1024 * 1024;
    expect((await call('/inject', Buffer.alloc(largest, ' '))).status).to.equal(400);
    expect((await call('/inject', Buffer.alloc(largest + 1, ' '))).status).to.equal(413);
    expect((await call('/inject', Buffer.alloc(largest + 1, ' '), { chunked: true })).status).to.equal(413);
  });

  /** An address of this machine of its own, so that it is somebody else to the server. */
  async function stranger(text: string): Promise<TLSSocket> {
    const socket = connect({
      ...{ host: '127.0.0.1', port: server.port, localAddress: '127.0.0.2' },
      rejectUnauthorized: false,
      servername: 'localhost',
    });
    stack.defer(() => void socket.destroy());
    socket.on('error', () => undefined);
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]);
    socket.write(text);
    return socket;
  }
  const head = (length: number): string =>
    `POST /inject HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

  it('answers the API server though a stranger opens more connections than there may be', async () => {
    // They don't even begin to speak TLS: that is cheap for a stranger.
    for (let opened = 0; opened < 1_100; opened += 1) {
      const socket = connectTcp({ host: '127.0.0.1', port: server.port, localAddress: '127.0.0.2' });
      stack.defer(() => void socket.destroy());
      socket.on('error', () => undefined);
      await once(socket, 'connect');
    }
    expect((await call('/inject', review(web))).status).to.equal(200);
  });

  it('holds 64 MiB of bodies at most, and ends those of whoever has sent the most', async () => {
    const part = Buffer.alloc(3_000_000, ' ');
    const slow = await stranger(head(part.byteLength + 1));
    slow.write(part);
    const ended = once(slow, 'close');
    for (let sent = 0; sent < 24; sent += 1) (await stranger(head(part.byteLength + 1))).write(part);
    await ended;
    expect((await call('/inject', Buffer.alloc(2_000_000, ' '))).status).to.equal(400);
  });

  it('writes no log for a caller who leaves in the middle', async () => {
    (await stranger(head(9))).destroy();
    while (events.length === 0) await new Promise((done) => setImmediate(done));
    expect({ events, logged }).to.deep.equal({ events: [{ webhook: 'inject', outcome: 'failed' }], logged: [] });
  });

  it('shows another certificate once it is rotated', async () => {
    const next = await testAuthority(new FakeClock(Date.now()));
    server.rotate(contextOf(next));
    expect((await call('/inject', review(web), { ca: next })).status).to.equal(200);
    const error = await call('/inject', review(web)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.an('error');
  });

  it('speaks no TLS older than 1.2', async () => {
    const socket = connect({
      port: server.port,
      host: '127.0.0.1',
      ca: authority.roots.join(''),
      servername: 'localhost',
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const [error] = await once(socket, 'error').catch((thrown: unknown) => [thrown]);
    expect(String(error)).to.match(/protocol|alert/i);
  });

  it('says that its address is taken', async () => {
    const again = await startWebhookServer({
      host: '127.0.0.1',
      port: server.port,
      context: contextOf(authority),
      inject: { settings: defaultInjectSettings, namespaceLabels: () => ({}), fetchNamespaceLabels: fetchLabels },
      validate: { mesh: () => defaultMesh, knownObjects: () => [] },
      count: () => undefined,
      log,
      clock: systemClock,
    }).then(
      () => '',
      (thrown: unknown) => String(thrown),
    );
    expect(again).to.match(/can't listen on the webhook address 127\.0\.0\.1:\d+/);
  });
});
