import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ReadPaths } from '../../src/config/files.ts';
import type { AuthorizationRule, Condition, MatchSet } from '../../src/model/authorization-policy.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { GatewayServer } from '../../src/model/gateway.ts';
import { matchText, type PathMatch } from '../../src/model/match.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { objectKey } from '../../src/model/object.ts';
import type { ServiceEntry } from '../../src/model/service-entry.ts';
import type { Sidecar } from '../../src/model/sidecar.ts';

const directory = new URL('./bad-documents/', import.meta.url);

/** A wrong document, and what must be said about it: the comment block at its top, up to the first empty line. */
export interface BadDocument {
  readonly name: string;
  /** The comment block: its first line is the title. */
  readonly title: string;
  readonly expected: readonly string[];
  /** The document itself; lines are counted from here. */
  readonly text: string;
}

/** Reads every document of the directory. */
export function badDocuments(): readonly BadDocument[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((name) => {
    const whole = readFileSync(new URL(name, directory), 'utf8');
    const end = whole.indexOf('\n\n');
    const [title = '', ...expected] = whole
      .slice(0, end)
      .split('\n')
      .map((line) => line.replace(/^# ?/, ''));
    return { name, title, expected, text: whole.slice(end + 2) };
  });
}

/** Rewrites the comment block of a document (UPDATE=1); what it says must be read by a person before it is committed. */
export function rewrite(document: BadDocument, said: readonly string[]): void {
  const head = [document.title, ...said].map((line) => `# ${line}`).join('\n');
  writeFileSync(new URL(document.name, directory), `${head}\n\n${document.text}`);
}

/** Findings and what is in force, as the comment blocks write it. */
export function describeRead({ findings, objects, unknown }: ReadPaths): readonly string[] {
  return [
    ...findings.flatMap(findingLines),
    ...unknown.map(({ apiVersion, kind }) => `not read: ${apiVersion} ${kind}`),
    ...(objects.length === 0
      ? ['in force: nothing']
      : objects.map((object) => `in force: ${objectKey(object)} ${objectText(object)}`.trimEnd())),
  ];
}

function findingLines({ severity, code, object, origin, field, message, hint }: Finding): readonly string[] {
  const line = origin.kind === 'file' ? origin.line : 0;
  const head = [`line ${line}`, severity, code, object, field].filter((part) => part !== '').join(' ');
  return [head, `  ${message}`, ...(hint === '' ? [] : [`  > ${hint}`])];
}

function objectText(object: MeshObject): string {
  switch (object.kind) {
    case 'PeerAuthentication': {
      const ports = [...object.portLevelMtls].map(([port, mode]) => ` ${port}=${mode}`).join('');
      return `${JSON.stringify(object.selector.matchLabels)} ${object.mtls}${ports}`;
    }
    case 'AuthorizationPolicy': {
      const more = [
        ...object.targets.map(({ kind, name }) => ` for ${kind} ${name}`),
        object.provider === '' ? '' : ` asks ${object.provider}`,
        object.dryRun ? ' dry run' : '',
      ];
      const rules = object.rules.map(ruleText).join('; ');
      return `${JSON.stringify(object.selector.matchLabels)} ${object.action}${more.join('')} [${rules}]`;
    }
    case 'RequestAuthentication': {
      const rules = object.rules.map(({ issuer, keys }) => `${issuer || 'any'} ${keys.kind}`).join('; ');
      return `${JSON.stringify(object.selector.matchLabels)} [${rules}]`;
    }
    case 'Service': {
      const name = object.externalName === undefined ? '' : `is ${object.externalName}`;
      const exported = object.exportTo === 'all' ? '' : `for ${object.exportTo.join('|')}`;
      return [name, exported].filter((part) => part !== '').join(' ');
    }
    case 'ServiceEntry':
    case 'Sidecar':
      return specText(object);
    case 'Gateway':
      return `${JSON.stringify(object.selector.matchLabels)} [${object.servers.map(serverText).join('; ')}]`;
    case 'Secret':
      return `[${[...object.entries.keys()].join()}]`;
    default:
      return '';
  }
}

/** All that was read of an object that says much. */
function specText({ kind: _, meta: __, ...spec }: ServiceEntry | Sidecar): string {
  return JSON.stringify(spec, (key, value) => (key === 'meta' ? undefined : value));
}

function serverText({ port, portName, bind, hosts, protocol, tls, httpsRedirect }: GatewayServer): string {
  const names = hosts.map(({ namespace, host }) => (namespace === undefined ? host : `${namespace}/${host}`)).join('|');
  return [
    bind,
    port,
    portName,
    protocol,
    names,
    tls === undefined ? '' : JSON.stringify(tls),
    httpsRedirect ? 'redirects' : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function ruleText({ from, to, when }: AuthorizationRule): string {
  const source = from.map((each) =>
    Object.entries(each)
      .map(([name, set]) => setText(name, set))
      .join(''),
  );
  const operation = to.map((each) =>
    Object.entries(each)
      .map(([name, set]) => setText(name, set))
      .join(''),
  );
  const conditions = when.map((each) => ` when${setText(keyText(each), each)}`).join('');
  return `from${source.length === 0 ? ' any' : source.join(' or')} to${operation.length === 0 ? ' any' : operation.join(' or')}${conditions}`;
}

/** The key as a policy writes it. */
function keyText(condition: Condition): string {
  switch (condition.key) {
    case 'request.headers':
      return `${condition.key}[${condition.header}]`;
    case 'request.auth.claims':
      return `${condition.key}[${condition.claim.join('][')}]`;
    case 'experimental.envoy.filters':
      return `experimental.${condition.filter}[${condition.path.join('][')}]`;
    default:
      return condition.key;
  }
}

function setText(name: string, { values, notValues }: MatchSet<unknown>): string {
  const text = (prefix: string, matches: readonly unknown[]): string =>
    matches.length === 0 ? '' : ` ${prefix}${name}=${matches.map(valueText).join('|')}`;
  return text('', values) + text('!', notValues);
}

function valueText(value: unknown): string {
  if (isMatch(value)) return matchText(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isMatch(value: unknown): value is PathMatch {
  return typeof value === 'object' && value !== null && 'kind' in value;
}
