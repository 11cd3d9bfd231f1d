import type { Arrival } from './filter-chain.ts';

/** What an application sends its own sidecar, before that does anything with it. */
export type Content = Arrival['bytes'];

/** Whether both sides understand each other. UNKNOWN: that is for somebody to say whom the mesh doesn't know. */
export interface Meeting {
  readonly status: 'OK' | 'CONFLICT' | 'UNKNOWN';
  /** One line for people; '' where there is nothing to say. */
  readonly why: string;
}

export const fine: Meeting = { status: 'OK', why: '' };
export const conflict = (why: string): Meeting => ({ status: 'CONFLICT', why });
export const unknown = (why: string): Meeting => ({ status: 'UNKNOWN', why });

/** Of several that all have to be fine, the one that fares worst. */
export function worst(meetings: readonly Meeting[]): Meeting {
  const find = (status: Meeting['status']) => meetings.find((each) => each.status === status);
  return find('CONFLICT') ?? find('UNKNOWN') ?? find('OK') ?? unknown('');
}
