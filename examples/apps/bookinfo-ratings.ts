/** Stars that readers gave. `GET /ratings/N`, and `POST /ratings/N` to give others. Usage: bookinfo-ratings [--port 9080] */
import { parseArgs } from 'node:util';
import { type Answer, json, notFound, productIn, serve } from './bookinfo/server.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '9080' } } });

type Ratings = Readonly<Record<string, number>>;

const given = new Map<number, Ratings>();

function readRatings(text: string): Ratings | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const stars = Object.entries(value);
    return stars.every(([, each]) => Number.isInteger(each) && each >= 1 && each <= 5)
      ? Object.fromEntries(stars)
      : undefined;
  } catch {
    return undefined;
  }
}

function take(id: number, body: string): Answer {
  const ratings = readRatings(body);
  if (ratings === undefined) return json(400, { error: 'expected stars from 1 to 5 for each reviewer' });
  given.set(id, ratings);
  return json(200, { id, ratings });
}

serve(Number(values.port), ({ method, path, body }) => {
  const id = productIn(path, 'ratings');
  if (id === undefined) return notFound;
  if (method === 'POST') return take(id, body);
  return json(200, { id, ratings: given.get(id) ?? { Reviewer1: 5, Reviewer2: 4 } });
});
