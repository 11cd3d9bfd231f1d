import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Mesh } from './e2e-mesh.ts';
import { isAnswer, type Probe } from './e2e-probe.ts';
import { idOf, world } from './e2e-world.ts';

/** A GET to an address for a host: `200 as <client> by <server>`, `200 in plaintext`, another status, or `cut`. */
export async function callHttp(probe: Probe, address: string, port: number, host: string, path = '/'): Promise<string> {
  const answer = await probe.ask('http', { host: address, port, path, headers: { host } });
  if (!isAnswer(answer)) return answer.error === 'timeout' ? 'waits in vain' : 'cut';
  if (answer.status !== 200) return String(answer.status);
  const { headers }: { headers: Readonly<Record<string, string>> } = JSON.parse(answer.body);
  const certificate = headers['x-forwarded-client-cert'];
  if (certificate === undefined) return '200 in plaintext';
  const known = [...world.sidecars];
  const [by, as] = ['By', 'URI'].map((part) => known.find((pod) => certificate.includes(`${part}=${idOf(pod)}`)));
  return `200 as ${as} by ${by}`;
}

/** Says something over TCP: `heard`, or `cut`. */
export async function callTcp(probe: Probe, address: string, port: number): Promise<string> {
  const answer = await probe.ask('tcp', { host: address, port, say: 'over the wire\n' });
  if ('error' in answer) return answer.error === 'timeout' ? 'waits in vain' : 'cut';
  return answer.reply === 'heard over the wire\n' ? 'heard' : answer.reply;
}

/** The same in TLS of its own, for a name. */
export async function callTls(probe: Probe, address: string, port: number, name: string): Promise<string> {
  const answer = await probe.ask('tls', { host: address, port, name, say: 'over the wire\n' });
  if ('error' in answer) return answer.error === 'timeout' ? 'waits in vain' : 'cut';
  return answer.reply === 'heard over the wire\n' ? 'heard' : answer.reply;
}

/** A call, and whether the sidecar of a server accepted a connection in mesh mTLS for it. */
export async function overMtls(server: Probe, call: () => Promise<string>): Promise<string> {
  const handshakes = async (): Promise<number> =>
    Object.values(await server.stats('^listener\\.0\\.0\\.0\\.0_15006\\.ssl\\.handshake$'))[0] ?? 0;
  const before = await handshakes();
  const seen = await call();
  return seen === 'heard' ? `heard ${(await handshakes()) > before ? 'over mTLS' : 'in plaintext'}` : seen;
}

/** Answers DNS inside of a pod, where its `resolv.conf` looks for it. */
export async function answerDns(
  mesh: Mesh,
  pod: string,
  names: Readonly<Record<string, readonly string[]>>,
): Promise<AsyncDisposable> {
  const { sandbox } = mesh;
  const child = sandbox.spawn(pod, [sandbox.insidePath('bin/node'), sandbox.insidePath('apps/0/dns.ts')]);
  child.stderr.pipe(process.stderr);
  child.stdin.write(`${JSON.stringify({ port: 53, names })}\n`);
  const ended = once(child, 'close');
  await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
