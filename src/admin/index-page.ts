import { proxyName } from '../model/proxy.ts';
import type { AdminSources } from './sources.ts';

interface IndexContext {
  readonly sources: AdminSources;
  readonly version: string;
  readonly pages: readonly { readonly path: string; readonly help: string }[];
}

/** The start page: how the mesh fares, and where to look further. Plain HTML, nothing loaded from elsewhere. */
export function indexPage({ sources, version, pages }: IndexContext): string {
  const readiness = sources.ready();
  const proxies = sources.status();
  const troubled = proxies.filter((proxy) => proxy.types.some((each) => each.state === 'ERROR'));
  const findings = sources.findings();
  const count = (severity: string): number => findings.filter((finding) => finding.severity === severity).length;
  const facts: readonly (readonly [string, string])[] = [
    ['Ready', readiness.ready ? 'yes' : `no: ${readiness.reason}`],
    ['Proxies connected', String(proxies.length)],
    [
      'Proxies that rejected something',
      troubled.length === 0 ? 'none' : troubled.map(({ proxy }) => proxyName(proxy)).join(', '),
    ],
    ['Findings', `${count('error')} errors, ${count('warning')} warnings`],
    ['Version', version],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coxswain</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; } li { margin: .25rem 0; }
</style>
</head>
<body>
<main>
<h1>Coxswain</h1>
<dl>
${facts.map(([term, value]) => `<dt>${escape(term)}</dt><dd>${escape(value)}</dd>`).join('\n')}
</dl>
<h2>Pages</h2>
<ul>
${pages.map(({ path, help }) => `<li><a href="${escape(path)}"><code>${escape(path)}</code></a>: ${escape(help)}</li>`).join('\n')}
</ul>
</main>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}
