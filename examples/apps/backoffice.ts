/**
 * The page of the browser-mtls example: it greets whoever comes by the name in the certificate, as proxies pass it on in
 * X-Forwarded-Client-Cert. Usage: backoffice [--port 8080] [--gateway SPIFFE-ID]
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, gateway: { type: 'string', default: '' } },
});

/** Who called, by the list of proxies: each adds an element at the end. What stands before it, only a gateway is believed. */
function caller(header: string): string | undefined {
  const elements = split(header, ',').map((element) => uriIn(element));
  const last = elements.at(-1);
  return last !== undefined && last === values.gateway ? elements.at(-2) : last;
}

function uriIn(element: string): string | undefined {
  const pair = split(element, ';').find((each) => each.startsWith('URI='));
  return pair?.slice('URI='.length).replace(/^"(.*)"$/, '$1');
}

/** Subjects and certificates stand in quotes, and may hold any character. */
function split(text: string, separator: ',' | ';'): readonly string[] {
  return text.match(separator === ',' ? /(?:"(?:[^"\\]|\\.)*"|[^",])+/g : /(?:"(?:[^"\\]|\\.)*"|[^";])+/g) ?? [];
}

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const server = createServer((request, response) => {
  const { 'x-forwarded-client-cert': header = '' } = request.headers;
  const name = caller(String(header));
  const greeting = name === undefined ? 'You showed no certificate.' : `You are ${name}.`;
  const page = `<!doctype html>
<html lang="en">
<head><title>Back office</title></head>
<body><h1>The back office</h1><p>${greeting.replace(/[&<>"]/g, (mark) => marks[mark] ?? '')}</p></body>
</html>
`;
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(page),
  });
  response.end(page);
});
server.keepAliveTimeout = 3_601_000;
server.listen(Number(values.port));
