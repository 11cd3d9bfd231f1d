/**
 * The page of a book: it asks details and reviews, and shows what it gets. `/productpage` for people, and for programs
 * `/api/v1/products`, `/api/v1/products/0`, `/api/v1/products/0/reviews` and `/api/v1/products/0/ratings`. Who has logged in
 * is named to the others in the header `end-user`. Usage: bookinfo-productpage [--port 9080] [--details URL] [--reviews URL] [--ratings URL]
 */
import { parseArgs } from 'node:util';
import { type Answer, ask, json, notFound, passedOn, type Question, serve } from './bookinfo/server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9080' },
    details: { type: 'string', default: 'http://details:9080' },
    reviews: { type: 'string', default: 'http://reviews:9080' },
    ratings: { type: 'string', default: 'http://ratings:9080' },
  },
});

const product = {
  id: 0,
  title: 'The Comedy of Errors',
  descriptionHtml:
    'Two pairs of twins, parted by a storm, meet again in one town. Nobody knows it, and all are mistaken for all.',
} as const;

/** Whose session it is: the cookie is a name and proves nothing. */
function userOf({ headers }: Question): string | undefined {
  const [, name] = /(?:^|; *)user=([-\w.@]{1,64})(?:;|$)/.exec(headers.cookie ?? '') ?? [];
  return name;
}

/** The name is that of the session: what the caller itself wrote into the header goes no further. */
function headersFor(question: Question): Readonly<Record<string, string>> {
  const user = userOf(question);
  const { 'end-user': _claimed, ...headers } = passedOn(question.headers);
  return user === undefined ? headers : { ...headers, 'end-user': user };
}

async function page(question: Question): Promise<Answer> {
  const headers = headersFor(question);
  const [details, reviews] = await Promise.all([
    ask(`${values.details}/details/${product.id}`, headers),
    ask(`${values.reviews}/reviews/${product.id}`, headers),
  ]);
  const user = userOf(question);
  const session =
    user === undefined
      ? '<form method="post" action="/login"><input name="username"> <input name="passwd" type="password"> <button>Sign in</button></form>'
      : `<p>${escape(user)} (<a href="/logout">sign out</a>)</p>`;
  return html(`${session}
<h1>${product.title}</h1>
<p>${product.descriptionHtml}</p>
${details.status === 200 ? detailsHtml(details.value) : errorHtml('details')}
${reviews.status === 200 ? reviewsHtml(reviews.value) : errorHtml('reviews')}`);
}

function detailsHtml(value: unknown): string {
  const rows = entries(value).map(([name, each]) => `<dt>${escape(name)}</dt><dd>${escape(String(each))}</dd>`);
  return `<h2>Book Details</h2>\n<dl>\n${rows.join('\n')}\n</dl>`;
}

function reviewsHtml(value: unknown): string {
  const { reviews, podname } = Object.fromEntries(entries(value));
  const quotes = (Array.isArray(reviews) ? reviews : []).map((review) => {
    const { reviewer, text, rating } = Object.fromEntries(entries(review));
    return `<blockquote>${escape(String(text))} <cite>${escape(String(reviewer))}</cite>${starsHtml(rating)}</blockquote>`;
  });
  return `<h2>Book Reviews</h2>\n${quotes.join('\n')}\n<p>Reviews served by: ${escape(String(podname))}</p>`;
}

function starsHtml(rating: unknown): string {
  if (rating === undefined) return '';
  const { stars, color, error } = Object.fromEntries(entries(rating));
  if (typeof stars !== 'number') return ` <em>${escape(String(error))}</em>`;
  return ` <span style="color:${color === 'red' ? 'red' : 'black'}">${'★'.repeat(stars)}${'☆'.repeat(5 - stars)}</span>`;
}

function errorHtml(what: 'details' | 'reviews'): string {
  return `<h2>Error fetching product ${what}!</h2>\n<p>The service ${what} gave no answer that can be shown.</p>`;
}

/** Fields of what another service answered, whatever it is. */
function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function html(body: string): Answer {
  const text = `<!doctype html>\n<html lang="en">\n<head><title>Simple Bookstore App</title></head>\n<body>\n${body}\n</body>\n</html>\n`;
  return { status: 200, type: 'text/html; charset=utf-8', body: text };
}

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (mark) => marks[mark] ?? '');
}

/** What another service knows about the product, with its status; 503 where it didn't answer. */
async function about(url: string, question: Question): Promise<Answer> {
  const { status, value } = await ask(url, headersFor(question));
  return status === 200
    ? json(200, value)
    : json(status === 0 ? 503 : status, { error: 'product data is unavailable' });
}

function session(cookie: string): Answer {
  return { status: 302, type: 'text/plain', body: '', headers: { location: '/productpage', 'set-cookie': cookie } };
}

serve(Number(values.port), async (question) => {
  const { method, path, body } = question;
  if (path === '/' || path === '/index.html')
    return html('<h1>Bookinfo</h1>\n<p><a href="/productpage">The page of a book</a></p>');
  if (path === '/productpage') return page(question);
  if (path === '/login' && method === 'POST') {
    const name = (new URLSearchParams(body).get('username') ?? '').replace(/[^-\w.@]/g, '').slice(0, 64);
    return session(`user=${name}; Path=/; HttpOnly`);
  }
  if (path === '/logout') return session('user=; Path=/; Max-Age=0');
  if (path === '/api/v1/products') return json(200, [product]);
  const [, id, part] = /^\/api\/v1\/products\/(\d+)(?:\/(reviews|ratings))?$/.exec(path) ?? [];
  if (id !== String(product.id)) return notFound;
  if (part === undefined) return about(`${values.details}/details/${id}`, question);
  return about(`${part === 'reviews' ? values.reviews : values.ratings}/${part}/${id}`, question);
});
