import { expect } from 'chai';
import { checkSources } from '../../../scripts/rules/check.ts';
import { scan } from '../../../scripts/rules/scan.ts';

function check(files: Record<string, string>): readonly string[] {
  return checkSources(new Map(Object.entries(files)));
}

describe('import rules', () => {
  it('let through what the layers allow', () => {
    const problems = check({
      'lib/result.ts': "import { inspect } from 'node:util';\nexport const a = inspect(1);",
      'model/ids.ts': "import type { R } from '../lib/result.ts';\nexport type Id = R;",
      'snapshot/store.ts': "import type { E } from '../config/source.ts';\nexport const now = Date.now();",
      'config/source.ts': "export type E = string;\nimport '../model/ids.ts';",
      'translate/envoy/rbac.ts': "import { encode } from '@envoyproxy/protos';\nexport { encode };",
      'cli/serve.ts': "import { Command } from 'commander';\nconst x = await import('../sandbox/run.ts');",
      'kube/client.ts': "import * as kube from '@kubernetes/client-node';",
    });
    expect(problems).to.deep.equal([]);
  });

  const violations: readonly [why: string, file: string, text: string, problem: string][] = [
    ['lib knows no domain', 'lib/x.ts', "import { a } from '../model/ids.ts';", 'lib must not import model/ids'],
    [
      'model knows only lib',
      'model/x.ts',
      "export * from '../config/source.ts';",
      'model must not import config/source',
    ],
    [
      'types cross layers no less',
      'model/x.ts',
      "import type { a } from '../xds/a.ts';",
      'model must not import xds/a',
    ],
    ['xds knows no policy', 'xds/x.ts', "import { a } from '../model/mesh.ts';", 'xds must not import model/mesh'],
    [
      'snapshot takes only types from config',
      'snapshot/x.ts',
      "import { a, type b } from '../config/source.ts';",
      'snapshot must not import config/source (only its types)',
    ],
    ['model speaks no Envoy', 'model/x.ts', "import '@envoyproxy/protos';", 'model must not import @envoyproxy/protos'],
    [
      'policy is Envoy-free',
      'translate/policy/x.ts',
      "import { a } from '../envoy/rbac.ts';",
      'translate/policy must not use translate/envoy/rbac',
    ],
    ['legacy ends in config', 'cli/x.ts', "import '../config/legacy/rbac.ts';", 'only config may use config/legacy'],
    [
      'one door',
      'cli/x.ts',
      "import { a } from 'jose';",
      'jose is used through ca/join-token, ca/join-keys, explain/token only',
    ],
    ['one door, for subpaths too', 'cli/x.ts', "import 'protobufjs/light.js';", 'protobufjs has no door'],
    [
      'a dynamic import is an import',
      'model/x.ts',
      "export const a = () => import('../cli/a.ts');",
      'model must not import cli/a',
    ],
    ['a new layer must be named', 'misc/x.ts', "import '../lib/a.ts';", 'misc is no known layer'],
    ['pure code does no I/O', 'model/x.ts', "import fs from 'node:fs';", 'pure code must not use node:fs'],
    [
      'pure code does not log',
      'translate/x.ts',
      "import { log } from '../lib/log.ts';",
      'pure code must not use lib/log',
    ],
    ['no clock', 'translate/x.ts', 'export const a = new Date();', 'pure code must not use new Date'],
    ['no clock in another form', 'translate/x.ts', 'export const a = Date.now();', 'pure code must not use Date.now'],
    ['no chance', 'translate/x.ts', 'const a = `${Math.random()}`;', 'pure code must not use Math.random'],
    ['no environment', 'model/x.ts', "const a = process.env['A'];", 'pure code must not use process'],
    ['no output', 'snapshot/diff.ts', 'console.log(1);', 'pure code must not use console'],
    ['no timers', 'xds/subscription.ts', 'setTimeout(f, 1);', 'pure code must not use setTimeout'],
    ['no waiting', 'ca/template.ts', 'const a = await b;', 'pure code must not use await'],
  ];
  for (const [why, file, text, problem] of violations) {
    it(`catch: ${why}`, () => {
      const problems = check({ [file]: `\n${text}` });
      expect(problems, problems.join('\n')).to.have.length(1);
      expect(problems[0]).to.include(`src/${file}:2: ${problem}`);
    });
  }

  it('catch a cycle, of types too', () => {
    const problems = check({
      'model/a.ts': "import type { B } from './b.ts';",
      'model/b.ts': "import { c } from './c.ts';",
      'model/c.ts': "import { a } from './a.ts';",
    });
    expect(problems).to.deep.equal([
      'src/model/a.ts: imports itself: model/a.ts → model/b.ts → model/c.ts → model/a.ts',
    ]);
  });

  it('look at code, not at comments, strings or regular expressions', () => {
    const text = [
      '// new Date() and await',
      'export const at = new Date(ms).toISOString() + Date.UTC(1970); type When = Date;',
      '/* process.env */',
      "const a = 'console.log(\\' Date'; const b = \"await\"; const c = `Date ${a} await`;",
      'const d = /[\'"`]await/.test(a) || a / b / c; // setTimeout',
      'interface Process { process: string; x: Candidate }',
      'const e = request.process; const f = "import x from \'../cli/a.ts\'";',
    ].join('\n');
    expect(check({ 'model/x.ts': text })).to.deep.equal([]);
  });

  it('read every form of import', () => {
    const { imports } = scan(`import a from 'a'; import * as b from "b";
import 'c';
import {
  type d,
  e,
} from 'd';
import { type f } from 'f';
import type { g } from 'g';
export * from 'h'; export type { i } from 'i';
const j = await import('j'); const from = 'k'; export const l = [...from, 'm'];`);
    expect(imports.map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly])).to.deep.equal([
      ['a', 1, false],
      ['b', 1, false],
      ['c', 2, false],
      ['d', 3, false],
      ['f', 7, true],
      ['g', 8, true],
      ['h', 9, false],
      ['i', 9, true],
      ['j', 10, false],
    ]);
  });
});
