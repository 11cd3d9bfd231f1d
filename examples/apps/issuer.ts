/**
 * A small issuer of tokens, for examples: `/keys` is its key set, `/token?sub=alice&groups=dev&groups=admin` signs whatever the
 * query says, `/token?expired` one that has ended. Its key lives as long as it does. Usage: issuer [--port 8080] [--issuer URL]
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, issuer: { type: 'string', default: 'https://issuer.example' } },
});
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'example', alg: 'ES256' }] });

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A JSON Web Token (RFC 7519) that says what the query says; a name that comes twice is a list. */
function token(query: URLSearchParams): string {
  const now = Math.floor(Date.now() / 1_000);
  const names = [...new Set(query.keys())].filter((name) => name !== 'expired');
  const claims = names.map((name) => {
    const all = query.getAll(name);
    return [name, all.length === 1 ? all[0] : all] as const;
  });
  const exp = query.has('expired') ? now - 3_600 : now + 3_600;
  const text = `${part({ alg: 'ES256', kid: 'example' })}.${part({ iss: values.issuer, exp, ...Object.fromEntries(claims) })}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://issuer');
  if (url.pathname === '/keys') response.writeHead(200, { 'content-type': 'application/json' }).end(keys);
  else if (url.pathname === '/token') response.end(token(url.searchParams));
  else response.writeHead(404).end();
}).listen(Number(values.port));
