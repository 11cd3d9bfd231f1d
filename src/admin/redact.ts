/** What stands in the place of a secret. */
export const redacted = '[redacted]';

/** Fields of Envoy's API that hold a secret, in both spellings of ProtoJSON; compared without underscores and case. */
const secretFields = new Set([
  'privatekey',
  'privatekeyprovider',
  'password',
  'sessionticketkeys',
  'genericsecret',
  'pkcs12',
]);

/** Fields of a DataSource that carry the value itself; a file name or variable name is no secret. */
const inlineFields = new Set(['inlinebytes', 'inlinestring']);

/** Names under which a header or metadata entry carries a credential. */
const credentialNames = /^(authorization|proxy-authorization|cookie|set-cookie|x-api-key)$/i;

/**
 * A copy of some JSON without private keys, passwords and credentials. Envoy and our own builders leave them out already;
 * this is the second lock, for what a later version of either forgets (product.md, promise 3).
 */
export function redactSecrets(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redactSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const isCredential = Object.entries(value).some(
    ([key, inner]) => isNameField(key) && typeof inner === 'string' && credentialNames.test(inner),
  );
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const field = canonical(key);
      if (secretFields.has(field)) return [key, redactInline(inner)];
      if (isCredential && (field === 'value' || field === 'rawvalue')) return [key, redacted];
      if (typeof inner === 'string' && credentialNames.test(key)) return [key, redacted];
      return [key, redactSecrets(inner)];
    }),
  );
}

/** Inside a secret field: every inline value goes, whatever it is; what only points somewhere stays. */
function redactInline(value: unknown): unknown {
  if (typeof value === 'string') return redacted;
  if (Array.isArray(value)) return value.map(redactInline);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (inlineFields.has(canonical(key))) return [key, redacted];
      return [key, typeof inner === 'string' ? inner : redactInline(inner)];
    }),
  );
}

const keyBlock = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;

/**
 * A PEM private key is one wherever it stands, as text or as the base64 of it that ProtoJSON makes of bytes. Envoy itself shows
 * a key that stands beside the certificates of a chain.
 */
function redactText(text: string): string {
  if (keyBlock.test(text)) return redacted;
  if (text.length < 64 || !/^[A-Za-z0-9+/_=\s-]+$/.test(text)) return text;
  return keyBlock.test(Buffer.from(text, 'base64').toString('latin1')) ? redacted : text;
}

function canonical(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

function isNameField(key: string): boolean {
  return key === 'key' || key === 'name' || canonical(key) === 'headername';
}
