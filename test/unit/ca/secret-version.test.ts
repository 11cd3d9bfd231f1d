import { expect } from 'chai';
import { openAuthority } from '../../../src/ca/open-authority.ts';
import { createVersionSeal } from '../../../src/ca/secret-version.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import { hour, mesh, start, temporaryDirectory, testAuthority, webapp } from './helpers.ts';

const generation = { serial: new Uint8Array(16).fill(7), notAfter: start + 24 * hour, renewAt: start + 11 * hour };

describe('ca/secret-version', () => {
  it('opens what it sealed', async () => {
    const seal = createVersionSeal(await testAuthority());
    expect(seal.open(seal.seal(generation, webapp), webapp)).to.deep.equal(generation);
  });

  it('is short: every Envoy sends it back at each reconnect', async () => {
    expect(createVersionSeal(await testAuthority()).seal(generation, webapp)).to.have.length(56);
  });

  it('does not open for another identity', async () => {
    const seal = createVersionSeal(await testAuthority());
    const version = seal.seal(generation, webapp);
    for (const other of [
      { ...webapp, serviceAccount: 'catalog' },
      { ...webapp, namespace: 'other' },
      { ...webapp, trustDomain: trustDomain('other') },
    ]) {
      expect(seal.open(version, other)).to.equal(undefined);
    }
  });

  it('opens at another replica, which has read the same key and certificate', async () => {
    await using directory = await temporaryDirectory();
    const open = () => openAuthority(directory.path, { trustDomain: mesh, clock: new FakeClock(start) });
    const [one, other] = [createVersionSeal(await open()), createVersionSeal(await open())];
    expect(other.open(one.seal(generation, webapp), webapp)).to.deep.equal(generation);
    expect(other.seal(generation, webapp)).to.equal(one.seal(generation, webapp));
  });

  it('does not open under another authority', async () => {
    const version = createVersionSeal(await testAuthority()).seal(generation, webapp);
    expect(createVersionSeal(await testAuthority()).open(version, webapp)).to.equal(undefined);
  });

  it('does not open when any bit differs', async () => {
    const seal = createVersionSeal(await testAuthority());
    const bytes = Buffer.from(seal.seal(generation, webapp), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = Buffer.from(bytes);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(seal.open(copy.toString('base64url'), webapp), `bit ${bit}`).to.equal(undefined);
    }
  });

  it('does not open what is no version of ours', async () => {
    const seal = createVersionSeal(await testAuthority());
    const version = seal.seal(generation, webapp);
    for (const other of [
      '',
      'x',
      '2026-11-24T00:00:00Z/1',
      version.slice(1),
      `${version}A`,
      `${version}=`,
      `${version} `,
      version.toUpperCase(),
    ]) {
      expect(seal.open(other, webapp), other).to.equal(undefined);
    }
  });
});
