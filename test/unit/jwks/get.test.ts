import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import { expect } from 'chai';
import { get, type Network } from '../../../src/jwks/get.ts';
import { maxKeySetBytes } from '../../../src/model/jwks.ts';
import { type KeyServer, startKeyServer } from '../../support/key-server.ts';
import { createTestCa, type TestCa } from '../../support/rbac-certificates.ts';

const loopback = { address: '127.0.0.1', prefixLength: 32 };

describe('fetching a document', () => {
  let ca: TestCa;
  let stack: AsyncDisposableStack;
  const asked: string[] = [];

  before(async () => {
    ca = await createTestCa();
  });
  beforeEach(() => {
    stack = new AsyncDisposableStack();
    asked.length = 0;
  });
  afterEach(() => stack.disposeAsync());

  /** Every name leads to these addresses; each resolution takes the next one, and the last for ever. */
  function network(...addresses: readonly string[]): Network {
    const left = [...addresses];
    return {
      resolve: async (host) => {
        asked.push(host);
        return [(left.length > 1 ? left.shift() : left[0]) ?? '127.0.0.1'];
      },
      allow: [loopback],
      tls: () => createSecureContext({ ca: ca.certificate, minVersion: 'TLSv1.2' }),
    };
  }
  const signal = (): AbortSignal => new AbortController().signal;
  async function serve(answer: RequestListener): Promise<KeyServer> {
    return stack.use(await startKeyServer(answer));
  }
  async function serveTls(answer: RequestListener, dns: string, more = {}): Promise<KeyServer> {
    return stack.use(await startKeyServer(answer, await ca.issue([{ type: 'dns', value: dns }]), more));
  }
  async function outcome(address: string, reached = network(), until = signal()): Promise<string> {
    const got = await get(address, reached, until);
    return got.ok ? got.value : `${got.error.kind}: ${got.error.reason}`;
  }

  it('asks for JSON, as nobody in particular', async () => {
    const { port, requests } = await serve((_, response) => response.end('{"a":1}'));
    expect(await outcome(`http://keys.example:${port}/a%20b?x=1#part`)).to.equal('{"a":1}');
    const [request] = requests;
    expect([request?.method, request?.url, request?.headers]).to.deep.equal([
      'GET',
      '/a%20b?x=1',
      {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'coxswain',
        host: `keys.example:${port}`,
        connection: 'close',
      },
    ]);
  });

  it('uses no proxy, whatever the environment says', async () => {
    const proxy = await serve((_, response) => response.end('proxy'));
    const { port } = await serve((_, response) => response.end('direct'));
    const before = { ...process.env };
    Object.assign(process.env, { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, NODE_USE_ENV_PROXY: '1' });
    try {
      expect(await outcome(`http://keys.example:${port}/`)).to.equal('direct');
    } finally {
      process.env = before;
    }
  });

  it('follows three redirects, and no fourth', async () => {
    const { port, requests } = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(307, { location: `/${left - 1}` }).end();
    });
    expect(await outcome(`http://keys.example:${port}/3`)).to.equal('there');
    expect(await outcome(`http://keys.example:${port}/4`)).to.equal('redirect: it is sent on more than 3 times');
    expect(requests.length).to.equal(8);
  });

  it('looks at where a redirect leads before it goes there', async () => {
    let location = '';
    const { port, requests } = await serve((_, response) => response.writeHead(302, { location }).end('body'));
    const other = await serve((_, response) => response.end('other'));
    location = 'http://169.254.169.254/latest/meta-data/';
    expect(await outcome(`http://keys.example:${port}/`)).to.equal(
      'address: 169.254.169.254 leads to 169.254.169.254 (link-local), where no keys are fetched from',
    );
    location = `http://inner.example:${other.port}/`;
    expect(await outcome(`http://keys.example:${port}/`, network('127.0.0.1', '127.0.0.2'))).to.equal(
      'address: inner.example leads to 127.0.0.2 (loopback), where no keys are fetched from',
    );
    location = `http://inner.example:${other.port}/`;
    expect(await outcome(`http://keys.example:${port}/`)).to.equal('other');
    expect([requests.length, other.requests.length]).to.deep.equal([3, 1]);
  });

  it('connects to the very address that was looked at: a name that changes its mind is asked once', async () => {
    const { port } = await serve((_, response) => response.end('mine'));
    expect(await outcome(`http://rebind.example:${port}/`, network('127.0.0.1', '127.0.0.66'))).to.equal('mine');
    expect(asked).to.deep.equal(['rebind.example']);
    const closed = network('127.0.0.66', '127.0.0.1');
    expect(await outcome(`http://rebind.example:${port}/`, closed)).to.equal(
      'address: rebind.example leads to 127.0.0.66 (loopback), where no keys are fetched from',
    );
  });

  it('refuses literal addresses that no name is asked for', async () => {
    const { port, requests } = await serve((_, response) => response.end('no'));
    const nothing = { ...network(), allow: [] };
    expect(await outcome(`http://127.0.0.1:${port}/`, nothing)).to.match(/^address: 127\.0\.0\.1 leads/);
    expect(await outcome(`http://localhost:${port}/`, nothing)).to.match(/^address: localhost leads/);
    expect(requests.length).to.equal(0);
  });

  it('takes https from servers with a name under its roots, and from no other', async () => {
    const answer: RequestListener = (_, response) => response.end('keys');
    const good = await serveTls(answer, 'keys.example');
    expect(await outcome(`https://keys.example:${good.port}/`)).to.equal('keys');
    expect(await outcome(`https://other.example:${good.port}/`)).to.match(
      /^connection: other\.example:\d+ can't be asked \(ERR_TLS_CERT_ALTNAME_INVALID\)$/,
    );
    const stranger = await createTestCa();
    const leaf = await stranger.issue([{ type: 'dns', value: 'keys.example' }]);
    const bad = stack.use(await startKeyServer(answer, leaf));
    expect(await outcome(`https://keys.example:${bad.port}/`)).to.match(
      /^connection: keys\.example:\d+ can't be asked/,
    );
    expect(bad.requests.length).to.equal(0);
  });

  it('speaks TLS 1.2 at least', async () => {
    const old = await serveTls((_, response) => response.end('old'), 'keys.example', { maxVersion: 'TLSv1.1' });
    expect(await outcome(`https://keys.example:${old.port}/`)).to.match(/^connection: /);
    expect(old.requests.length).to.equal(0);
  });

  it('never goes from https to http', async () => {
    const plain = await serve((_, response) => response.end('plain'));
    const { port } = await serveTls(
      (_, response) => response.writeHead(301, { location: `http://keys.example:${plain.port}/` }).end(),
      'keys.example',
    );
    expect(await outcome(`https://keys.example:${port}/`)).to.equal(
      'redirect: it leads from https to http, where keys could be exchanged on their way',
    );
    expect(plain.requests.length).to.equal(0);
  });

  it('takes a document of the largest size, and stops reading beyond it', async () => {
    let size = maxKeySetBytes;
    let endless = false;
    const { port } = await serve((_, response) => {
      response.write('x'.repeat(size));
      if (!endless) response.end();
    });
    expect((await outcome(`http://keys.example:${port}/`)).length).to.equal(maxKeySetBytes);
    [size, endless] = [maxKeySetBytes + 1, true];
    expect(await outcome(`http://keys.example:${port}/`)).to.match(/^size: keys\.example:\d+ sent more than 256 KiB$/);
  });

  it('takes 200 for an answer, and says another status', async () => {
    for (const status of [204, 206, 304, 401, 404, 500, 302]) {
      const { port } = await serve((_, response) => response.writeHead(status).end());
      expect(await outcome(`http://keys.example:${port}/`)).to.equal(
        `status: keys.example:${port} answered with status ${status}`,
      );
    }
  });

  it('ends when its time is up, whether a server is silent, slow, or its name is', async () => {
    const arrived = Promise.withResolvers<void>();
    const silent = await serve(() => arrived.resolve());
    const limit = new AbortController();
    const waiting = outcome(`http://keys.example:${silent.port}/`, network(), limit.signal);
    await arrived.promise;
    limit.abort();
    expect(await waiting).to.equal(`timeout: keys.example:${silent.port} took too long`);

    const began = Promise.withResolvers<void>();
    const slow = await serve((_, response) => {
      response.write('{');
      began.resolve();
    });
    const second = new AbortController();
    const reading = outcome(`http://keys.example:${slow.port}/`, network(), second.signal);
    await began.promise;
    second.abort();
    expect(await reading).to.equal(`timeout: keys.example:${slow.port} took too long`);

    const third = new AbortController();
    const nameless: Network = {
      ...network(),
      resolve: async () => {
        third.abort();
        return await new Promise<never>(() => undefined);
      },
    };
    expect(await outcome('http://keys.example:1/', nameless, third.signal)).to.equal(
      'timeout: keys.example:1 took too long',
    );
  });

  it('ends when a server hangs up, refuses, speaks nonsense, or wants another protocol', async () => {
    const { port } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.socket?.destroy());
    });
    expect(await outcome(`http://keys.example:${port}/`)).to.equal(
      `connection: keys.example:${port} can't be asked (ECONNRESET)`,
    );
    for (const said of [
      'SSH-2.0-OpenSSH\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    ]) {
      const raw = createServer((socket) => {
        socket.on('error', () => undefined).resume();
        socket.end(said);
      }).listen(0, '127.0.0.1');
      await once(raw, 'listening');
      stack.defer(() => new Promise<void>((resolve) => raw.close(() => resolve())));
      expect(await outcome(`http://keys.example:${(raw.address() as AddressInfo).port}/`)).to.match(/^connection: /);
    }
    const gone = await startKeyServer(() => undefined);
    await gone[Symbol.asyncDispose]();
    expect(await outcome(`http://keys.example:${gone.port}/`)).to.equal(
      `connection: keys.example:${gone.port} can't be asked (ECONNREFUSED)`,
    );
  });

  it('says when a name leads nowhere', async () => {
    const lost: Network = {
      ...network(),
      resolve: () => Promise.reject(Object.assign(new Error('queryA'), { code: 'ENOTFOUND' })),
    };
    expect(await outcome('http://keys.example/', lost)).to.equal("name: keys.example can't be resolved (ENOTFOUND)");
  });
});
