import { hostText, portSelector } from './common.ts';
import { object, text, textMap, texts } from './schema.ts';

/** Where traffic is sent. */
export const destination = object(
  'A service.',
  {
    host: hostText('The service: a full name, or a short one in the namespace of the object.'),
    subset: text('Part of the service, as a DestinationRule names it.'),
    port: portSelector,
  },
  { required: ['host'] },
);

/** How a string is compared; at most one way. Without any, it only must be there. */
export const stringMatch = object(
  'A comparison.',
  {
    exact: text('The whole string.'),
    prefix: text('What it begins with.'),
    regex: text('An RE2 expression for the whole string.'),
  },
  { maxProperties: 1 },
);

const headerChanges = object('Changes of headers.', {
  set: textMap('Headers that are set, in place of what was there.'),
  add: textMap('Headers that are added to what was there.'),
  remove: texts('Headers that are removed.'),
});

/** Changes of headers on both ways. */
export const headers = object('Changes of headers.', {
  request: { ...headerChanges, description: 'Changes before the request is sent on.' },
  response: { ...headerChanges, description: 'Changes before the response is sent back.' },
});

/** A percentage with decimals. */
export const percent = object('A percentage.', {
  value: { type: 'number', format: 'double', description: '0 to 100.' },
});
