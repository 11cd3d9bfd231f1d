import { expect } from 'chai';
import { formatProblem, formatTexts } from '../../../src/model/access-log-format.ts';

describe('formats of access logs', () => {
  const good = [
    '',
    'no newline, 100%%',
    '[%START_TIME(%Y/%m/%d %H:%M:%S %z)%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH):20%" %RESPONSE_CODE%\n',
    '%GRPC_STATUS%%GRPC_STATUS(NUMBER)%%FILTER_STATE(a:FIELD:b)%%ENVIRONMENT(HOME):8%%DYNAMIC_METADATA(a:b)%',
  ];
  for (const format of good) {
    it(`take ${JSON.stringify(format)}`, () => expect(formatProblem(format)).to.equal(undefined));
  }

  const bad: Readonly<Record<string, RegExp>> = {
    '%NOPE%': /no command/,
    '100% sure': /begins no command/,
    '%REQ(a': /begins no command/,
    '%REQ%': /needs something/,
    '%REQ(a b)%': /names no header/,
    '%REQ(a?b?c)%': /names no header/,
    '%PROTOCOL(x)%': /nothing in parentheses/,
    '%PROTOCOL:3%': /can't be cut/,
    '%DYNAMIC_METADATA(a:b):3%': /can't be cut/,
    '%COMMON_DURATION(DS_RX_BEG:DS_TX_END):3%': /can't be cut/,
    '%FILTER_STATE(a:NOPE)%': /takes KEY/,
    '%GRPC_STATUS(x)%': /takes CAMEL_STRING/,
  };
  for (const [format, words] of Object.entries(bad)) {
    it(`refuse ${format}`, () => expect(formatProblem(`%PROTOCOL% ${format}`)).to.match(words));
  }

  it('in JSON are its texts, at any depth', () => {
    expect(formatTexts({ a: '%PROTOCOL%', b: { c: ['x', 1, null, true] } })).to.deep.equal(['%PROTOCOL%', 'x']);
  });
});
