import { expect } from 'chai';
import { accessOf } from '../../../src/admin/access.ts';

describe('who may see which admin page', () => {
  const cases: readonly (readonly [remote: string | undefined, host: string | undefined, access: string])[] = [
    ['127.0.0.1', '127.0.0.1:15014', 'all'],
    ['127.8.8.8', '127.0.0.1', 'all'],
    ['::1', '[::1]:15014', 'all'],
    ['::ffff:127.0.0.1', 'localhost:15014', 'all'],
    ['127.0.0.1', 'LOCALHOST', 'all'],
    ['127.0.0.1', '10.0.0.7:15014', 'all'],
    // DNS rebinding: a name of the attacker's that leads to us.
    ['127.0.0.1', 'evil.example:15014', 'refused'],
    ['127.0.0.1', 'localhost.evil.example', 'refused'],
    ['127.0.0.1', '127.0.0.1.evil.example', 'refused'],
    ['127.0.0.1', 'localhost@evil.example', 'refused'],
    ['127.0.0.1', 'evil.example#127.0.0.1', 'refused'],
    ['127.0.0.1', '', 'refused'],
    ['127.0.0.1', undefined, 'refused'],
    ['127.0.0.1', '0x7f.1', 'refused'],
    ['127.0.0.1', '2130706433', 'refused'],
    // Another machine, whatever it says of itself.
    ['10.0.0.9', '127.0.0.1:15014', 'health-only'],
    ['10.0.0.9', 'localhost', 'health-only'],
    ['::ffff:10.0.0.9', '[::1]', 'health-only'],
    ['128.0.0.1', '127.0.0.1', 'health-only'],
    [undefined, 'localhost', 'health-only'],
  ];
  for (const [remote, host, access] of cases) {
    it(`${remote} asking for ${JSON.stringify(host)}: ${access}`, () => {
      expect(accessOf(remote, host)).to.equal(access);
    });
  }
});
