import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Mesh } from './e2e-mesh.ts';
import type { PolicyObject } from './e2e-policies.ts';
import { isAnswer } from './e2e-probe.ts';

/** Somebody who signs tokens, with a key of its own. */
export interface Issuer {
  readonly name: string;
  /** Public. */
  readonly key: JWK;
  /** A token that says this, and ends in so many seconds. */
  sign(claims: object, seconds?: number, header?: object): Promise<string>;
}

export async function createIssuer(name: string, kid = name): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  return {
    name,
    key: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' },
    async sign(claims, seconds = 3_600, header = {}) {
      const token = new SignJWT({ iss: name, sub: 'alice', ...claims });
      const ends = Math.floor(Date.now() / 1_000) + seconds;
      return await token
        .setProtectedHeader({ alg: 'ES256', kid, ...header })
        .setExpirationTime(ends)
        .sign(privateKey);
    },
  };
}

export const keySet = (...keys: readonly JWK[]): string => JSON.stringify({ keys });

/** A RequestAuthentication for the server of `foo`, or another place. */
export function believe(
  jwtRules: readonly object[],
  { name = 'jwt', namespace = 'foo', app }: { name?: string; namespace?: string; app?: string } = { app: 'server' },
): PolicyObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name, namespace },
    spec: { ...(app === undefined ? {} : { selector: { matchLabels: { app } } }), jwtRules },
  };
}

export interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a request came to: the status, and Envoy's words where there are some. */
export async function call(mesh: Mesh, { path = '/', method = 'GET', headers = {} }: Sent = {}): Promise<string> {
  const answer = await mesh
    .probe('sleep.foo')
    .ask('http', { host: 'server.foo', port: 80, path, method, headers: { host: 'server.foo', ...headers } });
  if (!isAnswer(answer)) return answer.error;
  return answer.status === 200 ? '200' : `${answer.status} ${answer.body}`.trim();
}

/** The headers that the application got. */
export async function headersSeen(
  mesh: Mesh,
  headers: Sent['headers'] = {},
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await mesh
    .probe('sleep.foo')
    .ask('http', { host: 'server.foo', port: 80, path: '/', headers: { host: 'server.foo', ...headers } });
  if (!isAnswer(answer) || answer.status !== 200) throw new Error(`no answer: ${JSON.stringify(answer)}`);
  return Object(JSON.parse(answer.body).headers);
}

export const bearer = (token: string): Sent => ({ headers: { authorization: `Bearer ${token}` } });

/** A server of keys in a pod. Until it's told what to serve it answers 503. */
export interface PodKeyServer extends AsyncDisposable {
  readonly uri: string;
  /** How often it was asked. */
  readonly asked: number;
  serve(keys: string): void;
}

const keyPort = 7_777;
/** Reads what to serve from its standard input, a line each time, and writes a line for each request. */
const keyServerScript = `
let keys;
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => { keys = line; }).on('close', () => process.exit());
require('node:http').createServer((_, response) => {
  console.log('asked');
  response.writeHead(keys === undefined ? 503 : 200, { 'content-type': 'application/json' }).end(keys);
}).listen(${keyPort}, () => console.log('ready'));
`;

export async function startPodKeyServer({ sandbox }: Mesh, pod: string): Promise<PodKeyServer> {
  const child = sandbox.spawn(pod, [sandbox.insidePath('bin/node'), '-e', keyServerScript]);
  let asked = 0;
  const ready = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') ready.resolve();
    else asked += 1;
  });
  child.once('close', () => ready.reject(new Error('the key server ended')));
  await ready.promise;
  return {
    uri: `http://${sandbox.pod(pod).ip}:${keyPort}/keys`,
    get asked() {
      return asked;
    },
    serve(keys) {
      child.stdin.write(`${keys}\n`);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
  };
}
