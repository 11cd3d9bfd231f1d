import { type JsonObject, objectIn, textIn } from '../lib/json-fields.ts';
import type { Labels } from '../model/object.ts';
import { injectLabel, namespaceLabel, revisionLabel } from './names.ts';

/** What the decision is made of. */
/** Whether a pod gets a sidecar, and why (not). */
export interface DecisionInput {
  readonly namespace: string;
  /** `kube-inject` doesn't know the namespace's labels: what it is given, it injects. */
  readonly policy: { readonly kind: 'labels'; readonly namespaceLabels: Labels } | { readonly kind: 'always' };
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly spec: JsonObject;
  readonly revision: string;
}

/** Whether a pod gets a sidecar, and why (not). */
export interface Decision {
  readonly inject: boolean;
  /** Why, as one sentence. */
  readonly reason: string;
  readonly warnings: readonly string[];
}

/** Namespaces of the cluster itself: a sidecar there could keep the cluster from starting. */
const systemNamespaces: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage'];

/** Does this pod get a sidecar? The table and its order are those of behaviour.md 9.3. */
export function decide(input: DecisionInput): Decision {
  const { namespace, spec, policy } = input;
  if (spec['hostNetwork'] === true)
    return no('the pod uses the network of its node (hostNetwork), where nothing may be intercepted');
  if (systemNamespaces.includes(namespace)) return no(`namespace ${namespace} belongs to the cluster`);
  if (textIn(objectIn(spec, 'os'), 'name') === 'windows') return no('the pod runs on Windows');
  const wish = podWish(input);
  const decided = policy.kind === 'always' ? byPodAlone(wish) : byLabels(input, policy.namespaceLabels, wish);
  const odd = policy.kind === 'always' ? [] : oddNamespaceLabel(policy.namespaceLabels);
  return { ...decided, warnings: [...wish.warnings, ...odd] };
}

interface Wish {
  readonly value: boolean | undefined;
  /** Where it is said. */
  readonly place: string;
  readonly warnings: readonly string[];
}

/** The label goes before the annotation; only the literal words count. */
function podWish({ labels, annotations }: DecisionInput): Wish {
  const warnings: string[] = [];
  for (const [place, texts] of [
    ['label', labels],
    ['annotation', annotations],
  ] as const) {
    const text = texts[injectLabel];
    if (text === undefined) continue;
    if (text === 'true' || text === 'false')
      return { value: text === 'true', place: `${place} ${injectLabel}`, warnings };
    warnings.push(`${place} ${injectLabel} has the value ${JSON.stringify(text)}: only "true" and "false" count`);
  }
  return { value: undefined, place: '', warnings };
}

function oddNamespaceLabel(labels: Labels): readonly string[] {
  const text = labels[namespaceLabel];
  return text === undefined || text === 'enabled' || text === 'disabled'
    ? []
    : [`namespace label ${namespaceLabel} has the value ${JSON.stringify(text)}: only "enabled" and "disabled" count`];
}

type Answer = Omit<Decision, 'warnings'>;

function byPodAlone(wish: Wish): Answer {
  return wish.value === false ? declined(wish) : { inject: true, reason: 'asked for by hand' };
}

function byLabels({ labels, revision }: DecisionInput, namespace: Labels, wish: Wish): Answer {
  const injection = namespace[namespaceLabel];
  if (injection === 'disabled') return answer(false, `namespace label ${namespaceLabel} is "disabled"`);
  if (injection === 'enabled') {
    if (revision !== 'default') return answer(false, `namespace label ${namespaceLabel} asks for the default revision`);
    return wish.value === false ? declined(wish) : answer(true, `namespace label ${namespaceLabel} is "enabled"`);
  }
  const named = namespace[revisionLabel] ?? labels[revisionLabel];
  if (named !== undefined) {
    const place = namespace[revisionLabel] === undefined ? 'pod' : 'namespace';
    if (named !== revision)
      return answer(false, `${place} label ${revisionLabel} asks for revision ${JSON.stringify(named)}`);
    return wish.value === false ? declined(wish) : answer(true, `${place} label ${revisionLabel} names this revision`);
  }
  if (wish.value === false) return declined(wish);
  if (wish.value === true)
    return revision === 'default'
      ? answer(true, `${wish.place} is "true"`)
      : answer(false, 'the default revision injects it');
  return answer(false, `neither namespace nor pod asks for a sidecar (label ${namespaceLabel}: enabled)`);
}

function declined(wish: Wish): Answer {
  return answer(false, `${wish.place} is "false"`);
}

function answer(inject: boolean, reason: string): Answer {
  return { inject, reason };
}

function no(reason: string): Decision {
  return { inject: false, reason, warnings: [] };
}
