import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import protobuf from 'protobufjs';
import { generate } from '../../../scripts/gen-protos.ts';
import { report } from '../../../scripts/proto-drift.ts';
import { compare } from '../../../scripts/protos/compare.ts';
import { emitEnums } from '../../../scripts/protos/emit-enums.ts';
import { emitTypes } from '../../../scripts/protos/emit-types.ts';
import { applyOverlay, formatField } from '../../../scripts/protos/overlay.ts';
import { loadRoot } from '../../../scripts/protos/sources.ts';
import { remove, trim } from '../../../scripts/protos/trim.ts';

const NOTHING = { removed: [], messages: {}, enums: {} };

function parse(text: string): protobuf.Root {
  const { root } = protobuf.parse(`syntax = "proto3"; package a.b; ${text}`, { keepCase: false });
  root.resolveAll();
  return root;
}

describe('scripts/gen-protos', () => {
  it('gives the same bytes for the same input, and those are what is installed', () => {
    const files = generate();
    expect([...generate()]).to.deep.equal([...files]);
    for (const [name, text] of files) {
      const installed = readFileSync(join(import.meta.dirname, '../../../generated', name), 'utf8');
      expect(installed === text, `${name} is current`).to.equal(true);
    }
  });

  it('refuses an import that no tree holds', () => {
    expect(() => loadRoot(['envoy/none.proto'])).to.throw('unresolved import "envoy/none.proto"');
  });

  it('keeps what is reachable, and no options', () => {
    const root =
      parse(`message Keep { Used u = 1 [deprecated = true]; optional int32 n = 2; reserved 9; Scope.In i = 3; }
      message Used {} message Unused {} message Scope { message In {} string gone = 1; } enum E { X = 0; }`);
    trim(root, ({ name }) => name === 'Keep');
    const { nested }: protobuf.INamespace = root.lookup('a.b')?.toJSON() ?? {};
    expect(Object.keys(nested ?? {})).to.deep.equal(['Keep', 'Used', 'Scope']);
    expect(JSON.stringify(nested)).not.to.match(/deprecated|reserved|gone/);
    expect(JSON.stringify(nested)).to.include('proto3_optional');
  });

  it('writes types with exclusive oneofs and enums as numbers', () => {
    const root = parse(`message M { oneof k { string x = 1; M y = 2; } int64 big_id = 3; map<string, bytes> m = 4;
      repeated E e = 5; optional bool o = 6; } enum E { A = 0; B = 7; }  service S { rpc Do(M) returns (M); }`);
    expect(emitTypes(root)).to.equal(`export declare namespace a {
  namespace b {
    type M = { readonly bigId?: Int64; readonly m?: { readonly [key: string]: Uint8Array }; readonly e?: ReadonlyArray<a.b.E>; readonly o?: boolean } & ({ readonly x: string; readonly y?: never } | { readonly y: a.b.M; readonly x?: never } | { readonly x?: never; readonly y?: never });
    type E = 0 | 7;
    const E: { readonly A: 0; readonly B: 7 };
  }
}

export interface TypeMap {
  readonly 'a.b.M': a.b.M;
}

export type ServiceName =
  | 'a.b.S';
`);
    expect(emitEnums(root)).to.equal('export const a = {b: {E: {"A":0,"B":7}}};\n');
  });

  describe('overlay', () => {
    const overlay = {
      removed: [],
      messages: {
        'a.b.M': { new_name: 'optional string = 2', choice: 'a.b.N = 3 in kind_of', tags: 'map<string, a.b.N> = 4' },
        'a.b.N': { items: 'repeated a.b.N.In = 1' },
        'a.b.N.In': { e: 'a.b.E = 1' },
      },
      enums: { 'a.b.E': { B: 1 } },
    };

    it('adds messages, fields and enum values', () => {
      const root = parse('message M { oneof kind_of { string old = 1; } } enum E { A = 0; }');
      applyOverlay(root, overlay);
      root.resolveAll();
      const { fields } = root.lookupType('a.b.M');
      expect(Object.keys(fields)).to.deep.equal(['old', 'newName', 'choice', 'tags']);
      expect(Object.values(fields).map(formatField).slice(1)).to.deep.equal(Object.values(overlay.messages['a.b.M']));
      expect({ ...root.lookupEnum('a.b.E').values }).to.deep.equal({ A: 0, B: 1 });
      expect(root.lookupType('a.b.M').verify({ old: 'x', choice: {} })).to.include('multiple values');
    });

    it('is refused where it is stale or misspelt', () => {
      const root = parse('message M { string old = 2; }');
      expect(() => applyOverlay(root, overlay)).to.throw('.a.b.M has a field 2 already');
      const misspelt = { ...NOTHING, messages: { 'a.b.M': { x: 'string 3' } } };
      expect(() => applyOverlay(root, misspelt)).to.throw('cannot read "string 3"');
      expect(() => remove(root, ['a.b.M.none'])).to.throw('does not have');
    });

    it('removes what Envoy dropped', () => {
      const root = parse('message M { string old_name = 1; message In {} } enum E { A = 0; B = 1; }');
      remove(root, ['a.b.M.old_name', 'a.b.M.In', 'a.b.E.B']);
      expect(root.lookupType('a.b.M').toJSON()).to.deep.include({ fields: {} });
      expect({ ...root.lookupEnum('a.b.E').values }).to.deep.equal({ A: 0 });
    });
  });

  describe('drift', () => {
    const theirs = parse(`message M { string x = 1; N n = 2; repeated string list = 3; } message N { E e = 1; }
      message Extra { N n = 1; } enum E { A = 0; B = 1; }`);

    it('is empty between equals', () => {
      expect(report(compare(theirs, theirs))).to.deep.equal([]);
    });

    it('tells what is missing, gone and in conflict', () => {
      const ours = parse(
        'message M { string y = 1; string list = 3; string old = 4; } message Gone {} enum E { A = 0; C = 1; }',
      );
      expect(report(compare(ours, theirs, ['a.b.Extra']))).to.deep.equal([
        'conflict  a.b.M: we have y: string = 1, Envoy has x: string = 1',
        'conflict  a.b.M: we have list: string = 3, Envoy has list: repeated string = 3',
        'missing   a.b.Extra.n: a.b.N = 1',
        'missing   a.b.M.n: a.b.N = 2',
        'missing   a.b.N.e: a.b.E = 1',
        'missing   a.b.E.B',
        'gone      a.b.M.old',
        'gone      a.b.Gone',
        'gone      a.b.E.C',
      ]);
    });

    it('is mended by the overlay that it gives', () => {
      const ours = parse('message M { string x = 1; } enum E { A = 0; }');
      applyOverlay(ours, compare(ours, theirs, ['a.b.Extra']).missing);
      ours.resolveAll();
      expect(report(compare(ours, theirs, ['a.b.Extra']))).to.deep.equal([]);
    });

    it('does not ask Envoy about our own services', () => {
      const { root } = protobuf.parse('syntax = "proto3"; package istio.v1.auth; message Own {}');
      expect(report(compare(root, theirs))).to.deep.equal([]);
    });
  });
});
