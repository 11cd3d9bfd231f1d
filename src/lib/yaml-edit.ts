import { type Document, isAlias, isCollection, isNode, isSeq, parseDocument, stringify, visit } from 'yaml';
import { MeshError } from './errors.ts';

/** A change at one place of a document, as in RFC 6902. */
export type YamlEdit =
  | { readonly op: 'add' | 'replace'; readonly path: readonly (string | number)[]; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: readonly (string | number)[] };

/** A document that can be changed in places, as text. */
export interface EditableYaml {
  readonly value: unknown;
  /** The text with the edits made. What they don't touch keeps its comments, its order and its way of quoting. */
  edit(edits: readonly YamlEdit[]): string;
}

/**
 * Manifests are YAML 1.1 to kubectl: `0644` is an octal number there, and `on` a boolean. Text that goes back to kubectl must be
 * read and written that way.
 */
const forKubectl = { version: '1.1', lineWidth: 0 } as const;
const maxAliases = 1_000;

/** Reads one document (which may start with `---`) for editing. Throws MeshError `bad-argument` with the line. */
export function editableYaml(text: string): EditableYaml {
  const document = parseDocument(text, { ...forKubectl, logLevel: 'silent', merge: true });
  const [error] = document.errors;
  if (error !== undefined)
    throw new MeshError('bad-argument', `not valid YAML: ${error.message.split('\n', 1)[0] ?? ''}`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: maxAliases });
  } catch (thrown) {
    throw new MeshError('bad-argument', 'the aliases of this document expand without measure', { cause: thrown });
  }
  return {
    value,
    edit: (edits) => {
      // An edit below an alias would change what the anchor stands for everywhere; such a document is written out.
      const target = hasAliases(document)
        ? parseDocument(stringify(value, { ...forKubectl, aliasDuplicateObjects: false }), forKubectl)
        : document;
      for (const edit of edits) apply(target, edit);
      return isJson(text) ? jsonText(text, target.toJS()) : target.toString({ lineWidth: 0 });
    },
  };
}

/** JSON stays JSON: what opens with a brace is read as such by kubectl, however much it looks like YAML further on. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function jsonText(before: string, value: unknown): string {
  const indent = /^\s*[{[]\r?\n([ \t]+)/.exec(before)?.[1] ?? '';
  return `${JSON.stringify(value, undefined, indent)}\n`;
}

function hasAliases(document: Document.Parsed): boolean {
  let found = false;
  visit(document, {
    Alias() {
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

function apply(document: Document.Parsed, edit: YamlEdit): void {
  const { path } = edit;
  if (edit.op === 'remove') {
    document.deleteIn(path);
    return;
  }
  const parent = document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  const node = document.createNode(edit.value, { aliasDuplicateObjects: false });
  if (edit.op === 'add' && isSeq(parent) && typeof last === 'number') {
    if (parent.flow === true && isCollection(node)) node.flow = true;
    parent.items.splice(last, 0, node);
    return;
  }
  if (isAlias(parent) || (parent !== undefined && !isNode(parent)))
    throw new MeshError('internal', 'an edit met an alias');
  document.setIn(path, node);
}
