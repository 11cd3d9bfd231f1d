/** What would show that a private key (PEM) was printed: each of its lines, and pieces of it as base64 of bytes would have it. */
export function keyTraces(pem: string): readonly string[] {
  const lines = pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  const body = Buffer.from(lines.join(''), 'base64');
  // Where the key begins in the bytes decides how base64 cuts it: one trace for each of the three ways.
  const shifted = [pem, lines.join('')].flatMap((text) =>
    [0, 1, 2].map((skip) => Buffer.from(text.slice(text.indexOf(lines[0] ?? '') + skip)).toString('base64')),
  );
  return [...lines, body.toString('hex'), ...shifted.map((text) => text.slice(0, 40))];
}
