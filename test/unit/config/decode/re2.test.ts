import { expect } from 'chai';
import { checkRe2 } from '../../../../src/config/decode/re2.ts';

/** Patterns that RE2 takes, with their groups. */
export const good: Readonly<Record<string, number>> = {
  '/api/v[0-9]+/(users|groups)/[^/]+': 1,
  '^/a$': 0,
  '(?i)/Path': 0,
  '(?P<name>a)(?:b)(c)': 2,
  'a{2}b{2,}c{2,3}?d*?e+?f??': 0,
  'a{,5}{x}': 0,
  '[]a-z[:alpha:]\\d\\]^-]+[^a]': 0,
  '\\pL\\p{Lu}\\P{Greek}\\p{^L}': 0,
  '\\.\\/\\-\\x41\\x{1F600}\\n\\bA\\B\\z': 0,
  '': 0,
  'a||b|': 0,
  'é+😀[à-ü]': 0,
  '(?s-i:.)*': 0,
};

const bad: Readonly<Record<string, RegExp>> = {
  '(': /"\(" without "\)"/,
  ')': /"\)" without "\("/,
  '[a': /"\[" without "\]"/,
  '*a': /nothing to repeat/,
  'a|{2}': /nothing to repeat/,
  '({2,}a)': /nothing to repeat/,
  'a**': /repeats a repetition/,
  'a{2}{3}': /repeats a repetition/,
  'a{1001}': /more than 1000/,
  '(a{40}){40}': /more than 1000/,
  'a{3,2}': /3 to 2/,
  '(?=a)': /ahead or behind/,
  '(?<!a)': /ahead or behind/,
  '(?>a)': /unknown group/,
  '(a)\\1': /refers back/,
  '[z-a]': /down to/,
  '[[:nope:]]': /unknown class/,
  '\\pX': /unknown kind/,
  '\\': /ends too early/,
  '\\u0041': /unknown escape/,
  '\\x{D800}': /no character/,
  '^*': /matches no character/,
  '(?P<a>x)(?P<a>y)': /two groups/,
};

describe('checkRe2', () => {
  it('takes what RE2 takes, and counts groups', () => {
    const read = Object.keys(good).map((pattern) => {
      const checked = checkRe2(pattern);
      return [pattern, checked.ok ? checked.value.groups : checked.error];
    });
    expect(Object.fromEntries(read)).to.deep.equal(good);
  });

  for (const [pattern, words] of Object.entries(bad)) {
    it(`refuses ${pattern}, with a reason`, () => {
      const checked = checkRe2(pattern);
      expect(checked.ok ? 'taken' : checked.error).to.match(words);
    });
  }

  it('refuses what is long, deep or large', () => {
    const all = ['a'.repeat(1_025), `${'('.repeat(101)}${')'.repeat(101)}`, '(.{30}){30}'];
    expect(all.map((pattern) => checkRe2(pattern).ok)).to.deep.equal([false, false, false]);
  });
});
