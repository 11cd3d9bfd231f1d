import { numberIn, objectIn, textIn } from '../../src/lib/json-fields.ts';
import { startChromium } from './chromium.ts';
import type { Devtools } from './devtools.ts';
import { makeProfile, type ProfileOptions } from './profile.ts';

/** What a person sees who opened an address. */
export type Sight =
  | { readonly kind: 'page'; readonly status: number; readonly title: string; readonly text: string }
  /** The browser's own page, under a code such as `ERR_BAD_SSL_CLIENT_AUTH_CERT`. */
  | { readonly kind: 'error'; readonly code: string };

export interface VisitOptions extends ProfileOptions {
  readonly url: string;
  /** Where the named hosts are: an address, or a name that resolves. The others are nowhere, addresses included. */
  readonly hosts: ReadonlyMap<string, string>;
}

/** Opens an address in a Chromium that was never used before, and looks. */
export async function visit({ url, hosts, ...installed }: VisitOptions): Promise<Sight> {
  await using profile = await makeProfile(installed);
  await using chromium = await startChromium(profile, hosts);
  const { devtools } = chromium;
  // A page that never comes is not waited for: the questions fail, and with them the visit.
  const timer = setTimeout(() => devtools.close(new Error(`no page within ${longestMs / 1_000} s`)), longestMs);
  try {
    const { targetId } = await devtools.ask('Target.createTarget', { url: 'about:blank' });
    const session = textIn(await devtools.ask('Target.attachToTarget', { targetId, flatten: true }), 'sessionId');
    const code = await navigate(devtools, url, session);
    if (code !== '') return { kind: 'error', code };
    const asked = { expression: look, awaitPromise: true, returnByValue: true };
    const answer = await devtools.ask('Runtime.evaluate', asked, session);
    const seen = objectIn(objectIn(answer, 'result'), 'value');
    return {
      kind: 'page',
      status: numberIn(seen, 'status'),
      title: textIn(seen, 'title'),
      text: textIn(seen, 'text').trim(),
    };
  } finally {
    clearTimeout(timer);
  }
}

const longestMs = 30_000;

/**
 * Goes there; what stood in the way, or ''. In TLS 1.3, and with False Start in 1.2, the browser's handshake is over before the
 * server has looked at its certificate. If the refusal comes back at once, as it does on one machine, the connection may be
 * gone before Chromium reads why. It loads such a page again by itself after a second; this does so, only sooner.
 */
async function navigate(devtools: Devtools, url: string, session: string): Promise<string> {
  const until = Date.now() + unclearMs;
  for (;;) {
    const code = textIn(await devtools.ask('Page.navigate', { url }, session), 'errorText').replace(/^net::/, '');
    if (!unclear.has(code) || Date.now() > until) return code;
  }
}

/** What doesn't say whether the connection was lost or refused. */
const unclear = new Set(['ERR_SOCKET_NOT_CONNECTED', 'ERR_CONNECTION_RESET', 'ERR_CONNECTION_CLOSED']);
const unclearMs = 10_000;

/** Runs in the page, once it is complete: what it shows, what its tab is called, and the status with which it came. */
const look = `(async () => {
  if (document.readyState !== 'complete') await new Promise((done) => addEventListener('load', done));
  const [navigation] = performance.getEntriesByType('navigation');
  return { status: navigation.responseStatus, title: document.title, text: document.body.innerText };
})()`;
