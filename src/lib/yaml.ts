import { CORE_SCHEMA, load, mergeTag, YAMLException } from 'js-yaml';
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument as parseWithLines,
  stringify,
  visit,
  type YAMLMap,
} from 'yaml';
import { MeshError } from './errors.ts';
import { expandedSize } from './yaml-guard.ts';
import { contentLine, splitDocuments } from './yaml-split.ts';

/** Where a value stands in its document: object keys and list indexes from the root. */
export type YamlPath = readonly (string | number)[];

/** One document of a stream, or why it can't be read. */
export type YamlDocument =
  | {
      readonly kind: 'value';
      /** First line that holds anything. */
      readonly line: number;
      /** Line of the first line of `text`. */
      readonly offset: number;
      readonly text: string;
      readonly value: unknown;
      readonly positions: (path: YamlPath) => number | undefined;
    }
  | {
      readonly kind: 'broken';
      readonly line: number;
      readonly text: string;
      readonly message: string;
      readonly hint: string;
    };

/** Aliases that one document may use, and values that they may expand to: far above honest use, far below a bomb. */
const maxAliases = 1_000;
const maxExpanded = 200_000;

/** YAML 1.2, with the merge keys that kubectl takes too. */
const schema = CORE_SCHEMA.withTags(mergeTag);

/**
 * Parses a stream of documents, each by itself, so that a broken one leaves its siblings alone. Lines are those of the
 * whole text; they are found by a second, slower parse of that one document, and only if somebody asks.
 */
export function parseDocuments(text: string): readonly YamlDocument[] {
  const documents: YamlDocument[] = [];
  for (const chunk of splitDocuments(text)) {
    const start = contentLine(chunk.text);
    if (start === undefined) continue;
    documents.push(parseDocument(chunk.text, chunk.line, chunk.line + start));
  }
  return documents;
}

function parseDocument(text: string, offset: number, line: number): YamlDocument {
  try {
    const value: unknown = load(text, { schema, maxAliases });
    if (text.includes('&') && expandedSize(value, maxExpanded) > maxExpanded) {
      return {
        kind: 'broken',
        line,
        text,
        message: 'the aliases of this document expand without measure',
        hint: 'write the values out',
      };
    }
    return { kind: 'value', line, offset, text, value, positions: lineFinder(text, offset) };
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) {
      return {
        kind: 'broken',
        line,
        text,
        message: `not readable as YAML: ${MeshError.from(thrown).message}`,
        hint: '',
      };
    }
    const mark = thrown.mark;
    const at = mark === undefined ? '' : ` (column ${mark.column + 1})`;
    const tab = mark !== undefined && /^\s*\t/.test(text.split('\n')[mark.line] ?? '');
    return {
      kind: 'broken',
      line: mark === undefined ? line : offset + mark.line,
      text,
      message: `not valid YAML: ${thrown.reason}${at}`,
      hint: tab ? 'indent with spaces, not tabs' : '',
    };
  }
}

/** js-yaml has refused equal keys by then; this parser would compare each key with all others. */
const linesOnly = { uniqueKeys: false, logLevel: 'silent' } as const;

/** A document parsed for its lines; made once, when the first line is asked for. */
interface Parsed {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  readonly index: NodeIndex;
}

/**
 * Finds keys and targets of aliases, each looked for once: a document with a hundred thousand wrong keys asks for as many
 * lines, and searching each time would hold the whole program up for minutes.
 */
class NodeIndex {
  readonly #document: Document.Parsed;
  readonly #pairs = new Map<YAMLMap, ReadonlyMap<string, Pair>>();
  readonly #targets = new Map<Alias, Node | undefined>();

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  pair(map: YAMLMap, key: string): Pair | undefined {
    let pairs = this.#pairs.get(map);
    if (pairs === undefined) {
      const named = map.items.flatMap((item) => (isScalar(item.key) ? [[String(item.key.value), item] as const] : []));
      pairs = new Map(named.toReversed()); // the first of equal keys counts
      this.#pairs.set(map, pairs);
    }
    return pairs.get(key);
  }

  target(node: unknown): unknown {
    if (!isAlias(node)) return node;
    if (!this.#targets.has(node)) this.#targets.set(node, node.resolve(this.#document));
    return this.#targets.get(node);
  }
}

/**
 * Line of the value at a path, or of its nearest ancestor that exists. `offset` is the line of the text's first line in its
 * file. For a field of an object that is the line of its key.
 */
function lineFinder(text: string, offset: number): (path: YamlPath) => number | undefined {
  let parsed: Parsed | undefined;
  return (path) => {
    if (parsed === undefined) {
      const lines = new LineCounter();
      const document = parseWithLines(text, { ...linesOnly, lineCounter: lines, merge: true });
      parsed = { document, lines, index: new NodeIndex(document) };
    }
    const at = offsetOf(parsed, path);
    return at === undefined ? undefined : parsed.lines.linePos(at).line + offset - 1;
  };
}

function offsetOf({ document, index }: Parsed, path: YamlPath): number | undefined {
  let place: Place = { node: document.contents, offset: startOf(document.contents) };
  for (const step of path) {
    const below = descend(index.target(place.node), step, index);
    if (below === undefined) break;
    place = { node: below.node, offset: below.offset ?? place.offset };
  }
  return place.offset;
}

interface Place {
  readonly node: unknown;
  readonly offset: number | undefined;
}

function descend(node: unknown, step: string | number, index: NodeIndex): Place | undefined {
  if (isMap(node) && typeof step === 'string') {
    const pair = index.pair(node, step);
    return pair === undefined ? undefined : { node: pair.value, offset: startOf(pair.key) };
  }
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return isNode(item) ? { node: item, offset: startOf(item) } : undefined;
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value);
}

/** A plain scalar that kubectl and older tools (YAML 1.1) read as something else than we (YAML 1.2). */
export interface AmbiguousScalar {
  readonly line: number;
  readonly source: string;
  /** What YAML 1.1 makes of it. */
  readonly meaning: string;
}

const booleans: Readonly<Record<string, string>> = {
  yes: 'true',
  on: 'true',
  y: 'true',
  no: 'false',
  off: 'false',
  n: 'false',
};

/** A cheap look at the text: most documents hold none of these words, and need no second parse. */
const suspicious =
  /[\s:[{,](?:yes|no|on|off|y|n|[-+]?0[0-7_]*[0-7]|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+|[-+]?[0-9]+_[0-9_]*)\s*(?:[#,\]}\r\n:]|$)/i;

/** Finds them in one document; `offset` is the line of the text's first line in its file. */
export function ambiguousScalars(text: string, offset: number): readonly AmbiguousScalar[] {
  if (!suspicious.test(text)) return [];
  const lines = new LineCounter();
  const document = parseWithLines(text, { ...linesOnly, lineCounter: lines });
  const found: AmbiguousScalar[] = [];
  visit(document, {
    Scalar(_key, node) {
      if (!isScalar(node) || node.type !== 'PLAIN' || node.source === undefined) return;
      const meaning = yaml11(node.source);
      if (meaning === undefined) return;
      const line = lines.linePos(node.range?.[0] ?? 0).line + offset - 1;
      found.push({ line, source: node.source, meaning });
    },
  });
  return found;
}

function yaml11(source: string): string | undefined {
  const word = source.toLowerCase();
  const cased =
    source === word ||
    source === source.toUpperCase() ||
    source === `${source.slice(0, 1).toUpperCase()}${word.slice(1)}`;
  if (cased && Object.hasOwn(booleans, word)) return `the boolean ${booleans[word]}`;
  if (/^[-+]?0[0-7_]*[0-7]$/.test(source)) return `the octal number ${Number.parseInt(source.replaceAll('_', ''), 8)}`;
  if (/^[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+$/.test(source)) return 'a number in base 60';
  if (/^[-+]?[1-9][0-9]*_[0-9_]*$/.test(source)) return `the number ${source.replaceAll('_', '')}`;
  return undefined;
}

/** YAML for people and tools: no folded lines, no anchors, so that it survives `grep` and `diff`. */
export function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
