/**
 * Makes calls from inside a pod for the tests: reads requests as JSON lines, answers them as JSON lines, many at a time.
 * It stays, so that a call costs a call and not the start of a process.
 */
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type {
  ConnectionState,
  CurlAnswer,
  HttpAnswer,
  HttpRequest,
  NoAnswer,
  ProbeLine,
  ProbeOperation,
  ProbeOperations,
  TlsAnswer,
} from '../../support/e2e-probe-types.ts';
import { targets } from './targets.ts';

const patienceMs = 5_000;
type Operations = {
  readonly [O in ProbeOperation]: (
    needs: ProbeOperations[O]['needs'],
  ) => Promise<ProbeOperations[O]['gives']> | ProbeOperations[O]['gives'];
};

function errorWord(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'reset';
  return code === 'ECONNREFUSED' ? 'refused' : code;
}

function http({ host, port, path, method = 'GET', headers = {}, body }: HttpRequest): Promise<HttpAnswer | NoAnswer> {
  const { promise, resolve } = Promise.withResolvers<HttpAnswer | NoAnswer>();
  // Node takes no list for `host`.
  const lines = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
  const call = request({ host, port, path, method, headers: lines, agent: false, timeout: patienceMs }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
    answer.on('error', (error) => resolve({ error: errorWord(error) }));
  });
  call.on('timeout', () => {
    resolve({ error: 'timeout' });
    call.destroy();
  });
  call.on('error', (error) => resolve({ error: error.message === 'socket hang up' ? 'closed' : errorWord(error) }));
  call.end(body);
  return promise;
}

/** Says something once there is a connection, and gives what comes back first. */
function hear(socket: Socket, say: string): Promise<{ readonly reply: string } | NoAnswer> {
  const { promise, resolve } = Promise.withResolvers<{ readonly reply: string } | NoAnswer>();
  const timer = setTimeout(() => resolve({ error: 'timeout' }), patienceMs);
  const data = (chunk: Buffer): void => resolve({ reply: chunk.toString('latin1') });
  const end = (): void => resolve({ error: 'closed' });
  const error = (thrown: Error): void => resolve({ error: errorWord(thrown) });
  socket.on('data', data).on('end', end).on('close', end).on('error', error);
  // What is written before the handshake is over would fail with a word of its own.
  if (socket instanceof TLSSocket) socket.once('secureConnect', () => socket.write(say, 'latin1'));
  else socket.write(say, 'latin1');
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off('data', data).off('end', end).off('close', end).off('error', error);
  });
}

async function tls(needs: ProbeOperations['tls']['needs']): Promise<TlsAnswer | NoAnswer> {
  const { host, port, say, name, alpn, version, certificate, key } = needs;
  const socket: TLSSocket = connectTls({
    host,
    port,
    rejectUnauthorized: false,
    ...(name === undefined ? {} : { servername: name }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  });
  // The certificate is gone once the connection is.
  let peer = { names: '', serial: '', alpn: '' };
  socket.on('secureConnect', () => {
    const { subjectaltname = '', serialNumber = '' } = socket.getPeerCertificate();
    peer = { names: subjectaltname, serial: serialNumber, alpn: String(socket.alpnProtocol || '') };
  });
  try {
    const heard = await hear(socket, say);
    return 'reply' in heard ? { ...heard, ...peer } : heard;
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

const waiting: (() => void)[] = [];
let free = 4;

/** A few at a time: each is a process. */
async function curl({ args }: ProbeOperations['curl']['needs']): Promise<CurlAnswer> {
  if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
  else free -= 1;
  const all = ['--silent', '--path-as-is', '--max-time', '5', '--write-out', '\u001f%{http_code}', ...args];
  const { promise, resolve } = Promise.withResolvers<CurlAnswer>();
  execFile('curl', all, (error, stdout) => {
    const [body = '', status = '0'] = stdout.split('\u001f');
    resolve({ exit: error === null ? 0 : Number(error.code), status: Number(status), body });
  });
  const answer = await promise;
  const next = waiting.shift();
  if (next === undefined) free += 1;
  else next();
  return answer;
}

interface Kept {
  readonly socket: Socket;
  state: ConnectionState;
  endedAt: number;
  readonly ended: Promise<void>;
}

const kept: Kept[] = [];

async function open({ host, port }: ProbeOperations['open']['needs']): Promise<number> {
  const socket = connect(port, host);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  const ended = Promise.withResolvers<void>();
  const entry: Kept = { socket, state: 'open', endedAt: 0, ended: ended.promise };
  const end = (state: ConnectionState): void => {
    if (entry.state !== 'open') return;
    Object.assign(entry, { state, endedAt: performance.now() });
    ended.resolve();
  };
  socket
    .on('error', () => end('reset'))
    .on('end', () => end('closed'))
    .on('close', () => end('closed'));
  socket.resume();
  return kept.push(entry) - 1;
}

function keptAt(connection: number): Kept {
  const entry = kept[connection];
  if (entry === undefined) throw new Error(`no connection ${connection}`);
  return entry;
}

/** Reads one answer with a content-length, which all answers of our servers and of Envoy have. */
async function get(needs: ProbeOperations['get']['needs']): Promise<HttpAnswer | NoAnswer> {
  const { socket, state } = keptAt(needs.connection);
  if (state !== 'open') return { error: state };
  const { promise, resolve } = Promise.withResolvers<HttpAnswer | NoAnswer>();
  const timer = setTimeout(() => resolve({ error: 'timeout' }), patienceMs);
  let text = '';
  const data = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    const split = text.indexOf('\r\n\r\n');
    const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, split))?.[1] ?? 0);
    if (split < 0 || text.length < split + 4 + length) return;
    resolve({ status: Number(text.split(' ', 2)[1]), body: text.slice(split + 4) });
  };
  const end = (): void => resolve({ error: 'closed' });
  const error = (): void => resolve({ error: 'reset' });
  socket.on('data', data).on('end', end).on('error', error);
  socket.write(`GET ${needs.path} HTTP/1.1\r\nhost: ${needs.host}\r\n\r\n`);
  return await promise.finally(() => {
    clearTimeout(timer);
    socket.off('data', data).off('end', end).off('error', error);
  });
}

const operations: Operations = {
  http,
  tls,
  targets,
  curl,
  open,
  get,
  async tcp({ host, port, say }) {
    const socket = connect(port, host);
    try {
      return await hear(socket, say);
    } finally {
      socket.on('error', () => undefined).destroy();
    }
  },
  async say({ connection, text }) {
    const { socket, state } = keptAt(connection);
    return state === 'open' ? await hear(socket, text) : { error: state };
  },
  state: ({ connection }) => keptAt(connection).state,
  async ended({ connection, timeoutMs }) {
    const entry = keptAt(connection);
    const asked = performance.now();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, timeoutMs);
    await Promise.race([entry.ended, late.promise]);
    clearTimeout(timer);
    return { state: entry.state, afterMs: (entry.state === 'open' ? performance.now() : entry.endedAt) - asked };
  },
};

async function answer<O extends ProbeOperation>(op: O, needs: ProbeOperations[O]['needs']): Promise<object> {
  try {
    return { gives: await operations[op](needs) };
  } catch (thrown) {
    return { failed: String(thrown) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, needs }: ProbeLine = JSON.parse(line);
  void answer(op, needs).then((said) => process.stdout.write(`${JSON.stringify({ id, ...said })}\n`));
}
process.exit(0);
