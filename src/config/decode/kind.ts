import type { MeshKind, MeshObject } from '../../model/mesh-object.ts';
import type { Fields } from './field.ts';
import type { Metadata } from './metadata.ts';
import type { Report } from './report.ts';

/** What was written beside the spec of a policy and could not be understood. */
export interface Outside {
  /** Unknown fields at the top of the document; a badly indented spec leaves its fields there. */
  readonly strays: readonly string[];
  /** The apiVersion is none that this kind has: its fields may mean something else. */
  readonly unknownVersion: boolean;
}

/** What the reader of a kind makes of one document whose metadata is readable. */
export interface KindInput {
  readonly document: Fields;
  readonly metadata: Metadata;
  readonly report: Report;
  /** Something beside the spec that was not understood and may belong to it. */
  readonly outside: Outside;
}

/**
 * The object, and for a broken policy what its fail-closed form does (then `object` is that form). Kinds that decide
 * nothing have no such form: with an error they are not applied.
 */
export interface KindOutput {
  readonly object: MeshObject | undefined;
  readonly effect?: string;
}

/** One row of the table of kinds. */
export interface KindReader {
  readonly kind: MeshKind;
  readonly group: string;
  readonly versions: readonly string[];
  readonly namespaced: boolean;
  /** Fields at the top of the document beside apiVersion, kind and metadata. */
  readonly fields: readonly string[];
  /** What to do about names that people often put at the top. */
  readonly hints?: Readonly<Record<string, string>>;
  readonly read: (input: KindInput) => KindOutput;
}
