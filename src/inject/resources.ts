import type { JsonObject } from '../lib/json-fields.ts';
import type { ProxyOptions } from './proxy-options.ts';

/** `resources` of the containers that we add. */
export function resourcesOf({ requests, limits }: ProxyOptions): JsonObject {
  return {
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(Object.keys(requests).length === 0 ? {} : { requests }),
  };
}
