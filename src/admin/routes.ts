import type { Finding } from '../model/finding.ts';
import { originText } from '../model/object.ts';
import { indexPage } from './index-page.ts';
import { redactSecrets } from './redact.ts';
import type { AdminSources, Answered, ExplainSource } from './sources.ts';
import { syncEntry } from './sync-entry.ts';

/** What a page answers. `json` is redacted and encoded by the server. */
export type Answer =
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'text'; readonly status: number; readonly body: string; readonly type?: string }
  | { readonly kind: 'html'; readonly status: number; readonly body: string };

/** One page of the admin server. */
export interface Route {
  readonly path: string;
  readonly help: string;
  /** True for the pages that answer from everywhere: they tell nothing about the configuration. */
  readonly health: boolean;
  readonly answer: (query: URLSearchParams) => Answer | Promise<Answer>;
}

/** What the pages are made from. */
export interface RouteContext {
  readonly sources: AdminSources;
  readonly version: string;
  readonly metricsText: () => Promise<string>;
  readonly metricsType: string;
}

/** Every page, in the order of the index (behaviour.md 7.8). A table: a page that is not here does not exist. */
export function routes(context: RouteContext): readonly Route[] {
  const { sources } = context;
  const pages: Route[] = [
    page('/healthz', 'the process answers', true, () => text('ok\n')),
    page('/ready', 'configuration is complete and being served; 503 and the reason until then', true, () => {
      const readiness = sources.ready();
      return readiness.ready ? text('ready\n') : text(`not ready: ${readiness.reason}\n`, 503);
    }),
    page('/metrics', 'Prometheus metrics', true, async () => ({
      kind: 'text',
      status: 200,
      body: await context.metricsText(),
      type: context.metricsType,
    })),
    page(
      '/debug/syncz',
      'per proxy and type: sent, acknowledged, rejected with Envoy’s words; ?proxyID=POD.NS',
      false,
      (query) => {
        const name = query.get('proxyID');
        const entries = sources
          .status()
          .map(syncEntry)
          .sort(by((entry) => `${entry.name} ${entry.connection}`));
        return json(name === null ? entries : entries.filter((entry) => entry.name === name || entry.id === name));
      },
    ),
    page('/debug/connections', 'who is connected', false, () => {
      const entries = sources
        .status()
        .map(syncEntry)
        .sort(by((entry) => `${entry.name} ${entry.connection}`));
      const clients = entries.map(({ types: _types, ...client }) => client);
      return json({ totalClients: clients.length, clients });
    }),
    page('/debug/config_dump', 'what we would send to a proxy, in Envoy’s shape; ?proxyID=POD.NS', false, (query) =>
      dump(sources, query),
    ),
    page('/debug/findings', 'what is wrong or risky in the configuration', false, () =>
      json(sources.findings().map(withOriginText)),
    ),
    page('/debug/configz', 'every object that is in force', false, () => json([...sources.objects()])),
    page('/debug/registryz', 'every service and its endpoints', false, () =>
      json([...sources.services()].sort(by((service) => service.host))),
    ),
    page('/debug/views', 'groups of proxies that get equal configuration', false, () =>
      json([...sources.views()].sort(by((view) => view.id))),
    ),
  ];
  const { shadow } = sources;
  if (shadow !== undefined) {
    pages.push(
      page(
        '/debug/shadow',
        'what dry runs would do, and who asked; ?policy=NAME[.NS]&workload=NAME[.NS]',
        false,
        (query) => json([shadow({ policy: query.get('policy') ?? '', workload: query.get('workload') ?? '' })]),
      ),
    );
  }
  const { explain } = sources;
  if (explain !== undefined) {
    pages.push(
      page('/debug/explain', 'what happens to a call, and why; `coxswain authz explain` asks it', false, (query) =>
        explanation(explain, query),
      ),
    );
  }
  const { tlsCheck } = sources;
  if (tlsCheck !== undefined) {
    pages.push(
      page(
        '/debug/tlscheck',
        'whether a client and its servers speak the same TLS; ?proxyID=POD.NS&host=HOST',
        false,
        (query) => answered(tlsCheck(query.get('proxyID') ?? '', query.get('host') ?? '')),
      ),
    );
  }
  const list = page('/debug/list', 'this list', false, () =>
    json([...pages, list].filter((each) => !each.health).map(({ path, help }) => ({ path, help }))),
  );
  const index = page('/', 'this page', false, () => ({
    kind: 'html',
    status: 200,
    body: indexPage({ ...context, pages: [...pages, list] }),
  }));
  return [...pages, list, index];
}

function page(path: string, help: string, health: boolean, answer: Route['answer']): Route {
  return { path, help, health, answer };
}

function explanation(explain: ExplainSource, query: URLSearchParams): Answer {
  if (query.has('keys')) return json(explain.keySets());
  let question: unknown;
  try {
    question = JSON.parse(query.get('question') ?? '');
  } catch {
    return text('what is the question? add ?question=JSON, with "from" and "to" at least\n', 400);
  }
  return answered(explain.answer(question));
}

function answered(answer: Answered): Answer {
  return answer.ok ? json(answer.value) : text(`${answer.error}\n`, 400);
}

function dump(sources: AdminSources, query: URLSearchParams): Answer {
  const name = query.get('proxyID') ?? '';
  if (name === '') return text('which proxy? add ?proxyID=POD.NAMESPACE\n', 400);
  const config = sources.configDump(name);
  return config === undefined
    ? text(`no such proxy: ${JSON.stringify(name)}; /debug/syncz lists them\n`, 404)
    : json(config);
}

function withOriginText(finding: Finding): object {
  return { ...finding, at: originText(finding.origin) };
}

function json(body: unknown): Answer {
  return { kind: 'json', status: 200, body };
}

function text(body: string, status = 200): Answer {
  return { kind: 'text', status, body };
}

function by<T>(key: (value: T) => string): (a: T, b: T) => number {
  return (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
}

/** JSON for people and tools: maps as objects, and never a secret. */
export function jsonBody(value: unknown): string {
  const plain: unknown = JSON.parse(JSON.stringify(value, mapsAsObjects) ?? 'null');
  return `${JSON.stringify(redactSecrets(plain), null, 2)}\n`;
}

function mapsAsObjects(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}
