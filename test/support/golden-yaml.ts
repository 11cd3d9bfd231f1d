import { Alias, Document, isMap, isSeq, type Node, visit } from 'yaml';

/** Parts of fewer leaves than this are written out each time. */
const worthAnAlias = 4;

/**
 * Resources as a stream of YAML documents that a person can read: what stands in one document several times (a TLS
 * context, an HTTP connection manager) is written once, under an anchor that is called as its type is.
 */
export function goldenYaml(resources: readonly { readonly json: object; readonly note: string }[]): string {
  return resources.map(({ json, note }) => `---\n${note === '' ? '' : `# ${note}\n`}${documentText(json)}`).join('');
}

function documentText(json: object): string {
  const document = new Document(nameFirst(json), { aliasDuplicateObjects: false });
  const first = new Map<string, Node>();
  const anchors = new Map<string, number>();
  visit(document, {
    Node(_, node) {
      if (!(isMap(node) || isSeq(node)) || leaves(node) < worthAnAlias) return undefined;
      const text = JSON.stringify(node.toJSON());
      const known = first.get(text);
      if (known === undefined) {
        first.set(text, node);
        return undefined;
      }
      if ((isMap(known) || isSeq(known)) && known.anchor === undefined) {
        const name = nameOf(known);
        const count = (anchors.get(name) ?? 0) + 1;
        anchors.set(name, count);
        known.anchor = count === 1 ? name : `${name}-${count}`;
      }
      return new Alias((known as { readonly anchor?: string }).anchor ?? '');
    },
  });
  return document.toString({ lineWidth: 120, flowCollectionPadding: false });
}

/** Protobuf puts the name of a filter chain last; a reader looks for it first. */
function nameFirst(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nameFirst);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, nameFirst(each)] as const);
  return Object.fromEntries([
    ...entries.filter(([key]) => key === 'name'),
    ...entries.filter(([key]) => key !== 'name'),
  ]);
}

/** The last word of what it is: `DownstreamTlsContext` for a typed config, `same` for what has no type. */
function nameOf(node: Node): string {
  const types: string[] = [];
  visit(node, {
    Pair(_, pair) {
      const [key, value] = [String(pair.key), String(pair.value)];
      if (key === '@type' && types.length === 0) types.push(value.split('.').at(-1) ?? '');
    },
  });
  return types[0] ?? 'same';
}

function leaves(node: Node): number {
  let count = 0;
  visit(node, {
    Scalar(key) {
      if (key !== 'key') count += 1;
    },
  });
  return count;
}
