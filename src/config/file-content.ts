import { ambiguousScalars, parseDocuments, type YamlDocument } from '../lib/yaml.ts';
import type { Finding } from '../model/finding.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { objectKey } from '../model/object.ts';
import { decode, type UnknownKind } from './decode.ts';
import type { ObjectRef } from './source.ts';

/** One object that a file claims. */
export interface FileEntry {
  readonly key: string;
  readonly ref: ObjectRef;
  /** What the file says, or the fail-closed form of it; undefined: broken, and nothing to enforce. */
  readonly object: MeshObject | undefined;
  readonly broken: boolean;
  /** The last state without an error that this file had; what is in force if there is one. */
  readonly good: MeshObject | undefined;
  /** Line of the document that claims it. */
  readonly line: number;
  /** Not in the file as it stands: kept from an earlier state. Gives way to any file that does hold the object. */
  readonly kept: boolean;
}

/** What one file says. */
export interface FileContent {
  readonly path: string;
  /** By object key. */
  readonly entries: ReadonlyMap<string, FileEntry>;
  readonly findings: readonly Finding[];
  readonly unknown: readonly UnknownKind[];
  /** Part of the file can't be read, so an object that is missing may still be meant: nothing is dropped for its absence. */
  readonly incomplete: boolean;
}

/** Largest file that is read, in bytes. */
export const maxFileSize = 8 * 1024 * 1024;

/** Content of a file that can't be read at all, with the reason. */
export function unreadableFile(path: string, code: string, message: string, hint = ''): FileContent {
  const finding: Finding = {
    severity: 'error',
    code,
    object: '',
    origin: { kind: 'file', path, line: 1 },
    field: '',
    message,
    hint,
  };
  return { path, entries: new Map(), findings: [finding], unknown: [], incomplete: true };
}

/** Reads the manifests of one file. Pure: the same text gives the same content. */
export function readContent(path: string, text: string, defaultNamespace?: string): FileContent {
  if (text.length > maxFileSize)
    return unreadableFile(path, 'file-too-large', 'the file is larger than 8 MiB', 'split it');
  const entries = new Map<string, FileEntry>();
  const findings: Finding[] = [];
  const unknown: UnknownKind[] = [];
  let incomplete = false;
  for (const document of parseDocuments(text)) {
    if (document.kind === 'broken') {
      findings.push(brokenDocument(path, document));
      incomplete = true;
      continue;
    }
    const decoded = decode(document.value, {
      origin: { kind: 'file', path, line: document.line },
      positions: document.positions,
      ...(defaultNamespace === undefined ? {} : { defaultNamespace }),
    });
    findings.push(...decoded.findings, ...ambiguous(path, document, decoded.unknown));
    unknown.push(...decoded.unknown);
    incomplete ||= decoded.unidentified;
    const brokenKeys = new Set(decoded.broken.map(refKey));
    const claims: FileEntry[] = decoded.objects.map((object) => {
      const key = objectKey(object);
      const { kind, meta } = object;
      const line = meta.origin.kind === 'file' ? meta.origin.line : document.line;
      const broken = brokenKeys.has(key);
      return {
        key,
        ref: { kind, namespace: meta.namespace, name: meta.name },
        object,
        broken,
        good: broken ? undefined : object,
        line,
        kept: false,
      };
    });
    const claimed = new Set(claims.map((claim) => claim.key));
    for (const ref of decoded.broken) {
      const key = refKey(ref);
      if (claimed.has(key)) continue;
      claims.push({ key, ref, object: undefined, broken: true, good: undefined, line: document.line, kept: false });
    }
    for (const claim of claims) {
      const first = entries.get(claim.key);
      if (first === undefined) entries.set(claim.key, claim);
      else findings.push(duplicate(claim, path, `${path}:${first.line}`));
    }
  }
  return { path, entries, findings, unknown, incomplete };
}

/** The error on an object that was already defined elsewhere. */
export function duplicate(claim: FileEntry, path: string, first: string): Finding {
  return {
    severity: 'error',
    code: 'duplicate-object',
    object: claim.key,
    origin: { kind: 'file', path, line: claim.line },
    field: '',
    message: `the object is already defined at ${first}: this one is not read`,
    hint: 'remove one of the two',
  };
}

/** Key of an object, as {@link objectKey} gives it. */
export function refKey(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}

type Broken = Extract<YamlDocument, { kind: 'broken' }>;
type Readable = Extract<YamlDocument, { kind: 'value' }>;

function brokenDocument(path: string, document: Broken): Finding {
  const word = (pattern: RegExp): string => pattern.exec(document.text)?.[1] ?? '';
  const kind = word(/^kind:[ \t]*"?([A-Za-z]+)/m);
  const name = word(/^ {1,4}name:[ \t]*"?([a-z0-9.-]+)/m);
  const namespace = word(/^ {1,4}namespace:[ \t]*"?([a-z0-9-]+)/m) || 'default';
  return {
    severity: 'error',
    code: 'bad-yaml',
    object: kind === '' || name === '' ? '' : `${kind}/${namespace}/${name}`,
    origin: { kind: 'file', path, line: document.line },
    field: '',
    message: document.message,
    hint: document.hint,
  };
}

function ambiguous(path: string, document: Readable, unknown: readonly UnknownKind[]): readonly Finding[] {
  if (unknown.length > 0) return [];
  return ambiguousScalars(document.text, document.offset).map(({ line, source, meaning }) => ({
    severity: 'warning',
    code: 'yaml-1.1-scalar',
    object: '',
    origin: { kind: 'file', path, line },
    field: '',
    message: `${source} is ${meaning} to kubectl (YAML 1.1), and not here`,
    hint: `put it in quotes: "${source}"`,
  }));
}
