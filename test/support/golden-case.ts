import { readMeshFile } from '../../src/config/mesh-file.ts';
import type { Mesh } from '../../src/model/mesh.ts';
import type { Proxy } from '../../src/model/proxy.ts';
import { type ResourceTypeName, types } from '../../src/model/type-urls.ts';

/** What `case.yaml` says: which proxies of `in.yaml` to look at, and which of their resources are the point. */
export interface GoldenCase {
  /** What a reader learns here. */
  readonly about: string;
  readonly mesh: Mesh;
  /** Secrets with a certificate, its key and an authority, as `NAME.NAMESPACE`: made anew each time, since no key belongs in a file. */
  readonly secrets: readonly { readonly name: string; readonly namespace: string }[];
  readonly proxies: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly kind: Proxy['kind'];
    readonly routes: Proxy['routes'];
    readonly show: readonly { readonly type: ResourceTypeName; readonly resources: readonly Shown[] }[];
  }[];
}

/** `name`, or `name#chain,chain` for some filter chains of a listener; `*` stands for anything in both. */
export interface Shown {
  readonly name: string;
  readonly chains: readonly string[] | undefined;
}

/** Reads a case strictly: a typing error must not make a test that checks nothing. */
export function parseCase(document: unknown): GoldenCase {
  const { about, mesh, secrets, proxies } = fields(document, 'case', ['about', 'mesh', 'secrets', 'proxies']);
  if (typeof about !== 'string') throw new Error('case.yaml: about says what a reader learns');
  const named = Object.entries(fields(proxies, 'proxies')).map(([proxy, value]) => {
    const [name = '', namespace = ''] = proxy.split('.');
    const { kind, routes, show } = fields(value, proxy, ['kind', 'routes', 'show']);
    const shown = Object.entries(fields(show, `${proxy}.show`, Object.keys(types))).map(([type, list]) => ({
      type: type as ResourceTypeName,
      resources: texts(list, `${proxy}.show.${type}`).map(parseShown),
    }));
    if (shown.length === 0) throw new Error(`case.yaml: ${proxy} shows nothing`);
    return {
      name,
      namespace,
      kind: kind === 'router' ? ('router' as const) : ('sidecar' as const),
      routes: routes === 'inline' ? ('inline' as const) : ('vhds' as const),
      show: shown,
    };
  });
  if (named.length === 0) throw new Error('case.yaml: proxies is empty');
  const settings = readMeshFile('case.yaml', JSON.stringify(mesh ?? {}));
  if (settings.findings.length > 0) throw new Error(`case.yaml: mesh: ${JSON.stringify(settings.findings)}`);
  const made = (secrets === undefined ? [] : texts(secrets, 'secrets')).map((text) => {
    const [name = '', namespace = ''] = text.split('.');
    return { name, namespace };
  });
  return { about, mesh: settings.mesh, secrets: made, proxies: named };
}

function parseShown(text: string): Shown {
  const [name = '', chains] = text.split('#');
  return { name, chains: chains?.split(',') };
}

function fields(value: unknown, where: string, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`case.yaml: ${where} is no object`);
  const unknown = Object.keys(value).filter((key) => known !== undefined && !known.includes(key));
  if (unknown.length > 0) throw new Error(`case.yaml: ${where} has unknown fields: ${unknown.join(', ')}`);
  return value as Readonly<Record<string, unknown>>;
}

function texts(value: unknown, where: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === 'string'))
    throw new Error(`case.yaml: ${where} is no list of names`);
  return value;
}
