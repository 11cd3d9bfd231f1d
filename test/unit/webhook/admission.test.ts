import { expect } from 'chai';
import { readReview, reviewOf } from '../../../src/webhook/admission.ts';

const review = (more: object): string =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'u-1' }, ...more });

describe('webhook/admission', () => {
  it('reads what a webhook needs', () => {
    const request = {
      uid: 'u-1',
      operation: 'CREATE',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      namespace: 'shop',
      object: { a: 1 },
    };
    expect(readReview(review({ request }))).to.deep.equal({
      ok: true,
      value: {
        uid: 'u-1',
        operation: 'CREATE',
        kind: { group: '', kind: 'Pod' },
        namespace: 'shop',
        subResource: '',
        object: { a: 1 },
        oldObject: undefined,
      },
    });
  });

  const bad: readonly (readonly [body: string, error: string])[] = [
    ['{"password": "hunter2"', 'the body is not JSON'],
    ['[]', 'the body is not an AdmissionReview'],
    ['{"kind":"Pod"}', 'the body is not an AdmissionReview'],
    [review({ apiVersion: 'admission.k8s.io/v1beta1' }), 'only AdmissionReview of admission.k8s.io/v1 is understood'],
    [review({ request: {} }), 'the AdmissionReview has no request with a uid'],
    [review({ request: null }), 'the AdmissionReview has no request with a uid'],
  ];
  for (const [body, error] of bad) {
    it(`refuses ${body}`, () => {
      expect(readReview(body)).to.deep.equal({ ok: false, error });
    });
  }

  it('answers with the uid, and with nothing that it has nothing to say about', () => {
    expect(reviewOf('u', { kind: 'allowed', warnings: [], patch: [] })).to.deep.equal({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u', allowed: true },
    });
    const patch = [{ op: 'add', path: '/a', value: 1 }];
    expect(reviewOf('u', { kind: 'allowed', warnings: ['w'], patch })).to.deep.include({
      response: {
        uid: 'u',
        allowed: true,
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
        warnings: ['w'],
      },
    });
    expect(reviewOf('u', { kind: 'denied', message: 'no', warnings: [] })).to.deep.include({
      response: { uid: 'u', allowed: false, status: { code: 422, reason: 'Invalid', message: 'no' } },
    });
  });

  it('keeps warnings within what the API server hands on', () => {
    const warnings = (list: readonly string[]): readonly string[] =>
      Object(reviewOf('u', { kind: 'allowed', warnings: list })).response.warnings;
    expect(warnings(['x'.repeat(300)])).to.deep.equal([`${'x'.repeat(255)}…`]);
    const many = warnings(Array.from({ length: 40 }, () => 'y'.repeat(200)));
    expect(many.at(-1)).to.equal('and 21 more warnings; coxswain validate shows them');
    expect(Buffer.byteLength(many.join(''))).to.be.lessThan(4_096);
  });
});
