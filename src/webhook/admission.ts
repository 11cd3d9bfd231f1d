import { isRecord } from '../lib/is-record.ts';
import { textIn } from '../lib/json-fields.ts';
import { err, ok, type Result } from '../lib/result.ts';

/** What the API server asks (admission.k8s.io/v1); `object` is whatever is to be written. */
export interface AdmissionRequest {
  readonly uid: string;
  /** CREATE, UPDATE, DELETE or CONNECT. */
  readonly operation: string;
  readonly kind: { readonly group: string; readonly kind: string };
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  /** '' for the object itself. */
  readonly subResource: string;
  readonly object: unknown;
  /** What is there now, for UPDATE and DELETE. */
  readonly oldObject: unknown;
}

/** What we say to it. */
export type AdmissionAnswer =
  | { readonly kind: 'allowed'; readonly warnings: readonly string[]; readonly patch?: readonly object[] }
  | { readonly kind: 'denied'; readonly message: string; readonly warnings: readonly string[] };

const version = 'admission.k8s.io/v1';

/** Reads the body of a webhook call. The error says what was wrong with it, and quotes nothing of it. */
export function readReview(body: string): Result<AdmissionRequest, string> {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch {
    return err('the body is not JSON'); // the parser's own words quote the body, which may hold a secret
  }
  if (!isRecord(review) || review['kind'] !== 'AdmissionReview') return err('the body is not an AdmissionReview');
  if (review['apiVersion'] !== version) return err(`only AdmissionReview of ${version} is understood`);
  const { request } = review;
  if (!isRecord(request) || textIn(request, 'uid') === '') return err('the AdmissionReview has no request with a uid');
  const kind = isRecord(request['kind']) ? request['kind'] : {};
  return ok({
    uid: textIn(request, 'uid'),
    operation: textIn(request, 'operation'),
    kind: { group: textIn(kind, 'group'), kind: textIn(kind, 'kind') },
    namespace: textIn(request, 'namespace'),
    subResource: textIn(request, 'subResource'),
    object: request['object'],
    oldObject: request['oldObject'],
  });
}

/** The body of our answer. Refusals have the code of an object that is not valid, 422. */
export function reviewOf(uid: string, answer: AdmissionAnswer): object {
  const warnings = fitting(answer.warnings);
  const more = warnings.length === 0 ? {} : { warnings };
  if (answer.kind === 'denied') {
    const status = { code: 422, reason: 'Invalid', message: answer.message };
    return { apiVersion: version, kind: 'AdmissionReview', response: { uid, allowed: false, status, ...more } };
  }
  const { patch = [] } = answer;
  const change =
    patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
  return { apiVersion: version, kind: 'AdmissionReview', response: { uid, allowed: true, ...change, ...more } };
}

/** The API server cuts a warning at 256 characters, and hands on 4096 in all. */
const [longestWarning, mostWarnings] = [256, 4_096];

function fitting(warnings: readonly string[]): readonly string[] {
  const found: string[] = [];
  let left = mostWarnings - longestWarning;
  for (const [index, warning] of warnings.entries()) {
    const text = warning.length <= longestWarning ? warning : `${warning.slice(0, longestWarning - 1)}…`;
    const bytes = Buffer.byteLength(text);
    if (bytes > left) return [...found, `and ${warnings.length - index} more warnings; coxswain validate shows them`];
    left -= bytes;
    found.push(text);
  }
  return found;
}
