import { envoy } from '@envoyproxy/protos';
import type { HeaderChanges, HeaderPolicy, HeaderValue } from '../../model/http-route.ts';

type HeaderValueOption = envoy.config.core.v3.HeaderValueOption;
type Route = envoy.config.route.v3.Route;
type HeaderFields = Pick<
  Route,
  'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'
>;

const { APPEND_IF_EXISTS_OR_ADD, OVERWRITE_IF_EXISTS_OR_ADD } =
  envoy.config.core.v3.HeaderValueOption.HeaderAppendAction;

/** What a route, or one of its clusters, changes in headers; of several policies the later ones win (behaviour.md 5.7). */
export function headerFields(policies: readonly HeaderPolicy[]): HeaderFields {
  const request = changes(policies.map((policy) => policy.request));
  const response = changes(policies.map((policy) => policy.response));
  return {
    ...(request.add.length > 0 ? { requestHeadersToAdd: request.add } : {}),
    ...(request.remove.length > 0 ? { requestHeadersToRemove: request.remove } : {}),
    ...(response.add.length > 0 ? { responseHeadersToAdd: response.add } : {}),
    ...(response.remove.length > 0 ? { responseHeadersToRemove: response.remove } : {}),
  };
}

function changes(all: readonly HeaderChanges[]): {
  readonly add: readonly HeaderValueOption[];
  readonly remove: readonly string[];
} {
  return {
    add: all.flatMap(({ set, add }) => [
      ...set.map((each) => option(each, OVERWRITE_IF_EXISTS_OR_ADD)),
      ...add.map((each) => option(each, APPEND_IF_EXISTS_OR_ADD)),
    ]),
    remove: [...new Set(all.flatMap(({ remove }) => remove))],
  };
}

function option(
  { name, value }: HeaderValue,
  appendAction: envoy.config.core.v3.HeaderValueOption.HeaderAppendAction,
): HeaderValueOption {
  return { header: { key: name, value }, appendAction, ...(value === '' ? { keepEmptyValue: true } : {}) };
}
