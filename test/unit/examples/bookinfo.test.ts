import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { isRecord } from '../../../src/lib/is-record.ts';
import { objectsIn } from '../../../src/lib/json-fields.ts';
import { freePort, freePorts } from '../../support/free-ports.ts';
import { eventually } from '../../support/sandbox.ts';

const apps = join(import.meta.dirname, '../../../examples/apps');

/** Runs an app until the stack is left; its address once it answers. */
async function start(
  stack: AsyncDisposableStack,
  name: string,
  port: number,
  ...args: readonly string[]
): Promise<string> {
  const child = spawn(process.execPath, [join(apps, `bookinfo-${name}.ts`), '--port', String(port), ...args], {
    stdio: 'ignore',
  });
  stack.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(`${name} to answer`, () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok || undefined,
      () => undefined,
    ),
  );
  return url;
}

async function get(url: string, init: RequestInit = {}): Promise<readonly [status: number, value: unknown]> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return [response.status, isJson ? JSON.parse(text) : text];
}

const stars = (color: string, ...given: readonly number[]): unknown => given.map((each) => ({ stars: each, color }));

async function ratingsIn(reviews: string): Promise<unknown> {
  const [, value] = await get(`${reviews}/reviews/0`);
  return objectsIn(isRecord(value) ? value : {}, 'reviews').map(({ rating }) => rating);
}

describe('examples: the apps of Bookinfo', () => {
  let stack: AsyncDisposableStack;
  let at: Readonly<Record<'details' | 'ratings' | 'v1' | 'v2' | 'v3' | 'lonely' | 'page' | 'lonelyPage', string>>;

  before(async function () {
    this.timeout(30_000);
    stack = new AsyncDisposableStack();
    const [p1 = 0, p2 = 0, p3 = 0, p4 = 0, p5 = 0, p6 = 0, p7 = 0, p8 = 0, nobody = 0] = await freePorts(9);
    const urlOf = (port: number): string => `http://127.0.0.1:${port}`;
    const [details, ratings, v1, v2, v3, lonely, page, lonelyPage] = await Promise.all([
      start(stack, 'details', p1),
      start(stack, 'ratings', p2),
      start(stack, 'reviews', p3),
      start(stack, 'reviews', p4, '--ratings', urlOf(p2)),
      start(stack, 'reviews', p5, '--ratings', urlOf(p2), '--color', 'red'),
      start(stack, 'reviews', p6, '--ratings', urlOf(nobody)),
      start(stack, 'productpage', p7, '--details', urlOf(p1), '--reviews', urlOf(p5), '--ratings', urlOf(p2)),
      start(
        stack,
        'productpage',
        p8,
        '--details',
        urlOf(nobody),
        '--reviews',
        urlOf(nobody),
        '--ratings',
        urlOf(nobody),
      ),
    ]);
    at = { details, ratings, v1, v2, v3, lonely, page, lonelyPage };
  });
  after(async () => {
    await stack.disposeAsync();
  });

  it('answer at the documented paths, and 404 elsewhere', async () => {
    const paths = ['/', '/productpage', '/api/v1/products', '/api/v1/products/0', '/api/v1/products/0/reviews'];
    const more = ['/api/v1/products/0/ratings', '/api/v1/products/1', '/details/0', '/api/v1/products/0/other'];
    const statuses = [...paths, ...more].map(async (path) => [path, (await get(`${at.page}${path}`))[0]]);
    expect(Object.fromEntries(await Promise.all(statuses))).to.deep.equal({
      ...Object.fromEntries(paths.map((path) => [path, 200])),
      '/api/v1/products/0/ratings': 200,
      '/api/v1/products/1': 404,
      '/details/0': 404,
      '/api/v1/products/0/other': 404,
    });
    expect((await get(`${at.details}/details/x`))[0]).to.equal(404);
    expect((await get(`${at.details}/details/7`))[1]).to.include({ id: 7, author: 'William Shakespeare' });
  });

  it('answer a HEAD as a GET, without the page', async () => {
    const [head, whole] = await Promise.all([
      fetch(`${at.page}/productpage`, { method: 'HEAD' }),
      fetch(`${at.page}/productpage`),
    ]);
    const length = Buffer.byteLength(await whole.text());
    expect([head.status, Number(head.headers.get('content-length')), await head.text()]).to.deep.equal([
      200,
      length,
      '',
    ]);
  });

  it('show no stars, black ones, red ones, or that there are none to be had', async () => {
    expect(await ratingsIn(at.v1)).to.deep.equal([undefined, undefined]);
    expect(await ratingsIn(at.v2)).to.deep.equal(stars('black', 5, 4));
    expect(await ratingsIn(at.v3)).to.deep.equal(stars('red', 5, 4));
    const error = 'Ratings service is currently unavailable';
    expect(await ratingsIn(at.lonely)).to.deep.equal([{ error }, { error }]);
  });

  it('take stars that are stars', async () => {
    const post = (body: string): Promise<readonly [number, unknown]> =>
      get(`${at.ratings}/ratings/3`, { method: 'POST', body });
    expect(await post('{"Reviewer1":1}')).to.deep.equal([200, { id: 3, ratings: { Reviewer1: 1 } }]);
    for (const body of ['', '[]', '{"Reviewer1":6}', '{"Reviewer1":"5"}'])
      expect((await post(body))[0], body).to.equal(400);
    expect(await get(`${at.ratings}/ratings/3`)).to.deep.equal([200, { id: 3, ratings: { Reviewer1: 1 } }]);
  });

  it('say on the page what could not be fetched, and answer programs with 503', async () => {
    const [status, text] = await get(`${at.lonelyPage}/productpage`);
    expect([status, String(text).match(/<h2>.*<\/h2>/g)]).to.deep.equal([
      200,
      ['<h2>Error fetching product details!</h2>', '<h2>Error fetching product reviews!</h2>'],
    ]);
    expect((await get(`${at.lonelyPage}/api/v1/products/0/reviews`))[0]).to.equal(503);
  });

  it('tell each other for whom they ask, and in which trace', async () => {
    const heard: unknown[] = [];
    const server = createServer(({ headers, url }, response) => {
      heard.push([url, headers['end-user'], headers['x-request-id'], headers['cookie']]);
      response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    const url = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
    await using own = new AsyncDisposableStack();
    own.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const port = await freePort();
    const page = await start(own, 'productpage', port, '--details', url, '--reviews', url);
    await get(`${page}/productpage`, { headers: { cookie: 'user=jason', 'x-request-id': 'r1' } });
    await get(`${page}/api/v1/products/0/reviews`, { headers: { 'end-user': 'mallory' } });
    expect(heard.sort()).to.deep.equal([
      ['/details/0', 'jason', 'r1', undefined],
      ['/reviews/0', undefined, undefined, undefined],
      ['/reviews/0', 'jason', 'r1', undefined],
    ]);
  });

  it('know who signed in until they sign out', async () => {
    const response = await fetch(`${at.page}/login`, {
      method: 'POST',
      body: new URLSearchParams({ username: '<b>jason', passwd: 'x' }),
      redirect: 'manual',
    });
    const cookie = response.headers.get('set-cookie') ?? '';
    expect([response.status, response.headers.get('location'), cookie]).to.deep.equal([
      302,
      '/productpage',
      'user=bjason; Path=/; HttpOnly',
    ]);
    const [, text] = await get(`${at.page}/productpage`, { headers: { cookie: 'a=b; user=jason' } });
    expect(String(text)).to.include('<p>jason (<a href="/logout">sign out</a>)</p>');
  });
});
