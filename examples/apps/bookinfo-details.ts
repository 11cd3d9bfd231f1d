/** What Bookinfo knows about a book. `GET /details/N`. Usage: bookinfo-details [--port 9080] */
import { parseArgs } from 'node:util';
import { json, notFound, productIn, serve } from './bookinfo/server.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '9080' } } });

serve(Number(values.port), ({ path }) => {
  const id = productIn(path, 'details');
  if (id === undefined) return notFound;
  return json(200, {
    id,
    author: 'William Shakespeare',
    year: 1594,
    type: 'paperback',
    pages: 128,
    publisher: 'Coxswain House',
    language: 'English',
    'ISBN-10': '0000000000',
    'ISBN-13': '978-0000000000',
  });
});
