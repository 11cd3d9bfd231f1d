import { expect } from 'chai';
import { examplePath, pathClass } from '../../../src/telemetry/path-class.ts';

describe('classes of paths', () => {
  const classes: Readonly<Record<string, string>> = {
    '/': '/',
    '/users/17/orders/4?token=x': '/users/{id}/orders/{id}',
    '/users/9f86d081-884c-4d63-a159-4d0ddc2c1fd4': '/users/{id}',
    '/objects/9f86d0818': '/objects/{id}',
    '/reviews;jsessionid=abc/0#part': '/reviews/{id}',
    '/static/app.v2.js': '/static/app.v2.js',
    '/feed': '/feed',
    '/a/b/c/d/e/f/g/h': '/a/b/c/d/e/f/**',
    '/login%3Fpassword=hunter2': '/login',
    '': '',
    '*': '*',
  };
  for (const [path, expected] of Object.entries(classes)) {
    it(`${JSON.stringify(path)} is ${expected}`, () => expect(pathClass(path)).to.equal(expected));
  }

  it('never hold a control character, a query or an endless text', () => {
    expect(pathClass(`/a\u001b[2J/${'x'.repeat(5_000)}?q`)).to.equal('/a\\u001b[2J/{id}');
  });

  it('examples keep single objects, and nothing that may be a secret', () => {
    const paths = [
      '/users/17?token=secret',
      '/reset/eyJhbGciOiJFUzI1NiJ9.e30.sig',
      '/invite/Zk3xQ9tLw2Vb7Rs1Yp0c',
      '/reset/k3jh4k5h6g7j8d9f0s1a2q3w',
      '/session/9f86d081884c4d63a1594d0ddc2c1fd4',
      '/login%3Fpassword=hunter2',
      '/y%3bjsessionid=secret/z%23access_token=secret',
      '/o/9f86d081-884c-4d63-a159-4d0ddc2c1fd4',
      '/x;jsessionid=secret/y',
      `/${'a'.repeat(30)}/`.repeat(40),
    ];
    expect(paths.map(examplePath).map((path) => (path.length > 100 ? path.length : path))).to.deep.equal([
      '/users/17',
      '/reset/{token}',
      '/invite/{token}',
      '/reset/{token}',
      '/session/{token}',
      '/login',
      '/y/z',
      '/o/9f86d081-884c-4d63-a159-4d0ddc2c1fd4',
      '/x/y',
      256,
    ]);
  });
});
