/**
 * What readers say. `GET /reviews/N`. Version 1 knows no stars; version 2 asks ratings for them and shows black ones, version 3
 * red ones. Usage: bookinfo-reviews [--port 9080] [--ratings URL] [--color black]
 */
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { ask, json, notFound, passedOn, productIn, serve } from './bookinfo/server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9080' },
    ratings: { type: 'string' },
    color: { type: 'string', default: 'black' },
  },
});

const reviews = [
  { reviewer: 'Reviewer1', text: 'Two pairs of twins, one town, and not a dull minute. Read it aloud!' },
  { reviewer: 'Reviewer2', text: 'Great fun, though I lost track of who is who. So did everybody in the play.' },
] as const;

/** Stars by reviewer; undefined if ratings gave none. */
async function starsOf(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<Map<string, unknown> | undefined> {
  const { status, value } = await ask(url, headers);
  if (status !== 200 || typeof value !== 'object' || value === null || !('ratings' in value)) return undefined;
  return new Map(Object.entries(value.ratings ?? {}));
}

serve(Number(values.port), async ({ path, headers }) => {
  const id = productIn(path, 'reviews');
  if (id === undefined) return notFound;
  const about = { id: String(id), podname: hostname(), clustername: 'null' };
  if (values.ratings === undefined) return json(200, { ...about, reviews });
  const stars = await starsOf(`${values.ratings}/ratings/${id}`, passedOn(headers));
  const rated = reviews.map((review) => ({
    ...review,
    rating:
      stars === undefined
        ? { error: 'Ratings service is currently unavailable' }
        : { stars: stars.get(review.reviewer) ?? 0, color: values.color },
  }));
  return json(200, { ...about, reviews: rated });
});
