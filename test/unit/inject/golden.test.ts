import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { cli } from '../cli/run-cli.ts';

// Each `golden/<name>.in.yaml` is what an operator gives to `coxswain kube-inject`; `<name>.out.yaml` is all that it says:
// manifests, and its remarks as comments at the end. `UPDATE_GOLDEN=1 npx mocha …` writes them anew; read the diff.
const folder = join(import.meta.dirname, 'golden');
const update = process.env['UPDATE_GOLDEN'] === '1';
const names = (ending: string): readonly string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort();

async function injected(name: string): Promise<string> {
  const outcome = await cli(['kube-inject', '-f', '-'], {
    input: readFileSync(join(folder, `${name}.in.yaml`), 'utf8'),
  });
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  return outcome.stdout + outcome.stderr.replace(/^(?=.)/gm, '# ');
}

describe('golden injection', () => {
  for (const name of names('.in.yaml')) {
    it(name, async () => {
      const file = join(folder, `${name}.out.yaml`);
      const text = await injected(name);
      if (update) writeFileSync(file, text);
      expect(readFileSync(file, 'utf8')).to.equal(text);
    });

    it(`${name}, again: the same bytes`, async () => {
      const text = readFileSync(join(folder, `${name}.out.yaml`), 'utf8');
      const { code, stdout } = await cli(['kube-inject', '-f', '-'], { input: text });
      expect({ code, stdout }).to.deep.equal({ code: 0, stdout: text });
    });
  }

  it('has no output without an input', () => {
    for (const name of names('.out.yaml'))
      if (update && !names('.in.yaml').includes(name)) rmSync(join(folder, `${name}.out.yaml`));
    expect(names('.out.yaml')).to.deep.equal(names('.in.yaml'));
  });
});
