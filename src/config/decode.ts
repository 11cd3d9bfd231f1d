import { isRecord } from '../lib/is-record.ts';
import type { Finding } from '../model/finding.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import type { Origin } from '../model/object.ts';
import { Field } from './decode/field.ts';
import type { KindReader } from './decode/kind.ts';
import { apiVersions, kindReaders, readerOf, unsupportedPolicies } from './decode/kinds.ts';
import { readMetadata } from './decode/metadata.ts';
import type { Path } from './decode/path.ts';
import { type Positions, Report } from './decode/report.ts';
import { hintFor, suggest } from './decode/suggest.ts';
import type { ObjectRef } from './source.ts';

/** Where a document comes from, and how to find the line of one of its fields. */
export interface DecodeContext {
  readonly origin: Origin;
  readonly positions?: Positions;
  /** Namespace of namespaced objects that name none; `default` unless told otherwise. */
  readonly defaultNamespace?: string;
}

/** A kind that was seen and is not read. */
export interface UnknownKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** One document, or each item of a List, understood as far as possible. */
export interface Decoded {
  /** What should be in force; a broken policy stands here in its fail-closed form (fail-closed.ts), if it has one. */
  readonly objects: readonly MeshObject[];
  readonly findings: readonly Finding[];
  readonly unknown: readonly UnknownKind[];
  /** Objects with an error. Whoever holds an earlier good state of one keeps that instead of what `objects` has. */
  readonly broken: readonly ObjectRef[];
  /** Something was there whose kind or name can't be told. */
  readonly unidentified: boolean;
}

/** Codes of findings that say what a broken object does; they don't apply where an earlier good state is kept. */
export const effectCodes: readonly string[] = ['fails-closed', 'not-applied'];

const nothing: Decoded = { objects: [], findings: [], unknown: [], broken: [], unidentified: false };

/**
 * The one parser of manifests: watch, webhook, CLI and tests all read through it, so that nothing inside checks a field
 * again (ARCHITECTURE.md, decision 1). Strict: unknown fields are errors. What can't be understood never widens access.
 */
export function decode(document: unknown, context: DecodeContext): Decoded {
  if (document === undefined || document === null) return nothing;
  return decodeAt(document, [], context, undefined);
}

/** `inherited`: apiVersion and kind for the items of a `<Kind>List`, which may leave them out. */
function decodeAt(value: unknown, path: Path, context: DecodeContext, inherited: UnknownKind | undefined): Decoded {
  const positions: Positions | undefined =
    context.positions === undefined ? undefined : (below) => context.positions?.([...path, ...below]);
  const line = path.length > 0 ? positions?.([]) : undefined;
  const origin: Origin =
    context.origin.kind === 'file' && line !== undefined ? { ...context.origin, line } : context.origin;
  const report = new Report({ object: objectName(value, inherited, context), origin, positions });
  const field = new Field(value, [], report);
  if (!isRecord(value)) {
    report.error([], 'not-an-object', 'not a Kubernetes object', 'a manifest has apiVersion, kind and metadata');
    return { ...nothing, findings: report.findings, unidentified: true };
  }
  const kind = kindOf(value, inherited);
  if (kind === undefined) {
    const missing = typeof value['kind'] === 'string' && value['kind'] !== '' ? 'apiVersion' : 'kind';
    field
      .child(missing)
      .error('missing-field', `${missing} is required`, 'a manifest has apiVersion, kind and metadata');
    return { ...nothing, findings: report.findings, unidentified: true };
  }
  if (kind.kind.endsWith('List') && Array.isArray(value['items']))
    return decodeList(value['items'], kind, path, context);
  const { group, version } = splitVersion(kind.apiVersion);
  const reader = readerOf(group, kind.kind);
  if (reader === undefined) {
    reportUnknown(report, field, group, kind);
    return { ...nothing, findings: report.findings, unknown: [kind] };
  }
  const unknownVersion = !reader.versions.includes(version);
  if (unknownVersion) {
    const known = apiVersions(reader);
    field
      .child('apiVersion')
      .error('unknown-version', `${kind.kind} has no version ${JSON.stringify(kind.apiVersion)}`, `use ${known[0]}`);
  }
  return decodeObject(reader, field, { ...context, origin }, unknownVersion);
}

function decodeList(items: readonly unknown[], list: UnknownKind, path: Path, context: DecodeContext): Decoded {
  const kind = list.kind.slice(0, -'List'.length);
  const inherited = kind === '' ? undefined : { apiVersion: list.apiVersion, kind };
  const parts = items.map((item, index) => decodeAt(item, [...path, 'items', index], context, inherited));
  return {
    objects: parts.flatMap((part) => part.objects),
    findings: parts.flatMap((part) => part.findings),
    unknown: parts.flatMap((part) => part.unknown),
    broken: parts.flatMap((part) => part.broken),
    unidentified: parts.some((part) => part.unidentified),
  };
}

function decodeObject(reader: KindReader, field: Field, context: DecodeContext, unknownVersion: boolean): Decoded {
  const { report } = field;
  const document = field.fields(['apiVersion', 'kind', 'metadata', ...reader.fields], reader.hints);
  const metadata = readMetadata(field.child('metadata'), {
    namespaced: reader.namespaced,
    defaultNamespace: context.defaultNamespace ?? 'default',
    origin: context.origin,
  });
  if (document === undefined || metadata === undefined)
    return { ...nothing, findings: report.findings, unidentified: true };
  const outside = { strays: document.unknown, unknownVersion };
  const { object, effect } = reader.read({ document, metadata, report, outside });
  if (report.clean) return { ...nothing, objects: object === undefined ? [] : [object], findings: report.findings };
  const { namespace, name } = metadata.meta;
  const ref: ObjectRef = { kind: reader.kind, namespace, name };
  if (effect === undefined) return { ...nothing, findings: report.findings, broken: [ref] };
  report.warning([], object === undefined ? 'not-applied' : 'fails-closed', `until this is fixed ${effect}`);
  return { ...nothing, objects: object === undefined ? [] : [object], findings: report.findings, broken: [ref] };
}

function kindOf(value: Readonly<Record<string, unknown>>, inherited: UnknownKind | undefined): UnknownKind | undefined {
  const apiVersion = value['apiVersion'] ?? inherited?.apiVersion;
  const kind = value['kind'] ?? inherited?.kind;
  return typeof apiVersion === 'string' && apiVersion !== '' && typeof kind === 'string' && kind !== ''
    ? { apiVersion, kind }
    : undefined;
}

function splitVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** Unknown kinds are listed and let be, but a policy that is left out, or a kind that looks mistyped, must show. */
function reportUnknown(report: Report, field: Field, group: string, { apiVersion, kind }: UnknownKind): void {
  if (unsupportedPolicies.includes(`${group}/${kind}`)) {
    report.warning(
      field.child('kind').path,
      'kind-not-supported',
      `${kind} is not supported by this version: nothing is enforced by it`,
    );
    return;
  }
  const siblings = kindReaders.filter((reader) => reader.group === group).map((reader) => reader.kind);
  if (group === 'security.istio.io') {
    report.error(
      field.child('kind').path,
      'unknown-kind',
      `unknown kind ${JSON.stringify(kind)} in ${apiVersion}`,
      hintFor(kind, siblings),
    );
    return;
  }
  const likely = suggest(kind, siblings);
  if (likely !== undefined) {
    report.warning(
      field.child('kind').path,
      'unknown-kind',
      `unknown kind ${JSON.stringify(kind)} in ${apiVersion}: it is not read`,
      `did you mean "${likely}"?`,
    );
    return;
  }
  const policy = kindReaders.find((reader) => reader.kind === kind && reader.group === 'security.istio.io');
  if (policy !== undefined) {
    const hint = `if the mesh policy is meant, use apiVersion ${apiVersions(policy)[0]}`;
    report.warning(field.child('apiVersion').path, 'unknown-kind', `${kind} of ${apiVersion} is not read`, hint);
  }
}

/** `Kind/namespace/name` as far as it can be told before anything was checked. */
function objectName(value: unknown, inherited: UnknownKind | undefined, context: DecodeContext): string {
  if (!isRecord(value)) return '';
  const kind = value['kind'] ?? inherited?.kind;
  const metadata = isRecord(value['metadata']) ? value['metadata'] : {};
  if (typeof kind !== 'string' || typeof metadata['name'] !== 'string') return '';
  const clusterScoped = kindReaders.some((reader) => reader.kind === kind && !reader.namespaced);
  const written =
    typeof metadata['namespace'] === 'string' && metadata['namespace'] !== '' ? metadata['namespace'] : undefined;
  return `${kind}/${clusterScoped ? '' : (written ?? context.defaultNamespace ?? 'default')}/${metadata['name']}`;
}
