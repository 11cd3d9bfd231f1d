import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import { isRecord } from '../lib/is-record.ts';
import type { Logger } from '../lib/log.ts';
import type { Redacted } from '../lib/redacted.ts';
import { tokenAudience } from '../model/cluster-names.ts';
import { parseSpiffeId, spiffeId, type TrustDomain, type WorkloadIdentity } from '../model/ids.ts';
import type { Peer } from '../xds/provider.ts';
import { Slots } from './slots.ts';
import { readClaims, refused } from './token-claims.ts';

export interface TokenReviewerOptions {
  readonly client: KubeClient;
  /** Of the identities that are proven. */
  readonly trustDomain: TrustDomain;
  readonly clock: Clock;
  readonly log: Logger;
  /** A token must be for one of them; {@link tokenAudiences} by default. */
  readonly audiences?: readonly string[];
  /** How long a yes is believed without asking again, in ms; 60 s by default. So long may a deleted pod's token be good. */
  readonly cacheMs?: number;
  /** How long a no is remembered, in ms; 5 s by default. */
  readonly refusalMs?: number;
  /** Reviews that are asked for at once, and how many may wait for that; 16 and 1,000 by default. */
  readonly parallel?: number;
  readonly waiting?: number;
}

/** A proven peer, as the authenticator gives it on. */
export type ProvenPeer = Extract<Peer, { kind: 'proven' }>;

/** Asks the cluster who holds a token. */
export interface TokenReviewer {
  /**
   * Whom a service account token proves. Throws `unauthenticated` where it proves nobody, and `unavailable` where the API
   * server can't be asked now: the caller should try again. Messages may go to the caller.
   */
  review(token: Redacted<string>): Promise<ProvenPeer>;
}

/** Our own audience, and that of the agents that were made for Istio's control plane. */
const tokenAudiences: readonly string[] = [tokenAudience, 'istio-ca'];

type Verdict = ProvenPeer | MeshError;

interface Entry {
  readonly verdict: Verdict;
  readonly until: number;
}

const path = '/apis/authentication.k8s.io/v1/tokenreviews';
const timeoutMs = 5_000;
const maxEntries = 20_000;

/**
 * Proves identities with the TokenReview API (behaviour.md section 6.3). A sidecar that reconnects, and the several
 * streams of one, cost the API server one review a minute; a flood of bad tokens is bounded in what it asks, holds and
 * evicts: yes and no are remembered apart, by the SHA-256 of the token.
 */
export function createTokenReviewer(options: TokenReviewerOptions): TokenReviewer {
  const { clock, cacheMs = 60_000, refusalMs = 5_000, audiences = tokenAudiences } = options;
  const proven = new LRUCache<string, Entry>({ max: maxEntries });
  const refusals = new LRUCache<string, Entry>({ max: maxEntries });
  const asking = new Map<string, Promise<Verdict>>();
  const { parallel = 16, waiting = 1_000 } = options;
  const review = createReview(options, audiences);
  const slots = new Slots({ parallel, waiting, waitMs: timeoutMs, clock });

  const ask = async (token: Redacted<string>, key: string, expiresAt: number): Promise<Verdict> => {
    const verdict = await slots.run(() => review(token, expiresAt));
    const now = clock.now();
    if (verdict instanceof MeshError) refusals.set(key, { verdict, until: now + refusalMs });
    else proven.set(key, { verdict, until: Math.min(now + cacheMs, expiresAt) });
    return verdict;
  };

  return {
    async review(token) {
      const { expiresAt } = readClaims(token, audiences, clock.now());
      const key = hash('sha256', token.reveal(), 'base64url');
      let verdict = fresh(proven.get(key), clock) ?? fresh(refusals.get(key), clock);
      if (verdict === undefined) {
        let answer = asking.get(key);
        if (answer === undefined) {
          answer = ask(token, key, expiresAt).finally(() => asking.delete(key));
          asking.set(key, answer);
        }
        verdict = await answer;
      }
      if (verdict instanceof MeshError) throw verdict;
      return verdict;
    },
  };
}

function fresh(entry: Entry | undefined, clock: Clock): Verdict | undefined {
  return entry !== undefined && clock.now() < entry.until ? entry.verdict : undefined;
}

/** Asks the API server. Throws where there is no verdict, and tells the log once, until there is one again. */
function createReview({ client, log, trustDomain }: TokenReviewerOptions, audiences: readonly string[]) {
  let problem: string | undefined;
  return async (token: Redacted<string>, expiresAt: number): Promise<Verdict> => {
    const spec = { token: token.reveal(), audiences };
    let answer: unknown;
    try {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
      answer = await client.request('POST', path, { body, timeoutMs });
    } catch (thrown) {
      const { code, message } = MeshError.from(thrown);
      // What the server says of a body that it can't take may quote it.
      const fields = code === 'bad-argument' ? { code } : { code, error: message };
      if (code !== problem)
        log.error(fields, 'no token can be reviewed: workloads without certificate can not connect');
      problem = code;
      throw new MeshError('unavailable', 'service account tokens can not be reviewed now: try again later');
    }
    if (problem !== undefined) log.info({}, 'tokens are reviewed again');
    problem = undefined;
    const status = isRecord(answer) && isRecord(answer['status']) ? answer['status'] : {};
    // Where the audience is wrong the field is missing, so that only `true` counts.
    return status['authenticated'] === true
      ? verdictOf(status, expiresAt, audiences, trustDomain)
      : refused(`the cluster does not accept it${wordsOf(status['error'], token)}`);
  };
}

function verdictOf(
  status: Readonly<Record<string, unknown>>,
  expiresAt: number,
  audiences: readonly string[],
  trustDomain: TrustDomain,
): Verdict {
  // An authenticator that knows nothing of audiences gives none, and would accept a token that is for the API server.
  if (!texts(status['audiences']).some((each) => audiences.includes(each)))
    return refused('it is for another audience');
  const user = isRecord(status['user']) ? status['user'] : {};
  const { username, groups, extra } = user;
  const subject = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(typeof username === 'string' ? username : '');
  if (subject === null || !texts(groups).includes('system:serviceaccounts'))
    return refused('it is of no service account');
  const [, namespace = '', serviceAccount = ''] = subject;
  const identity: WorkloadIdentity = { trustDomain, namespace, serviceAccount };
  if (!parseSpiffeId(spiffeId(identity)).ok) return refused('its service account has no SPIFFE ID');
  const [pod] = texts(isRecord(extra) ? extra['authentication.kubernetes.io/pod-name'] : undefined);
  return { kind: 'proven', identity, pod, expiresAt, by: 'service-account-token' };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** The API server's own words (`: …expired`), where they can't hold a part of the token. */
function wordsOf(words: unknown, token: Redacted<string>): string {
  if (typeof words !== 'string' || words === '') return '';
  const parts = token.reveal().split('.');
  return parts.some((part) => words.includes(part.slice(0, 16))) ? '' : `: ${words.slice(0, 300)}`;
}
