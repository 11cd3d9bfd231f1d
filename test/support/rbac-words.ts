/** The words that policies and requests are made of. Both draw from the same ones, so that they often meet. */
export interface Vocabulary {
  readonly principals: readonly string[];
  readonly hosts: readonly string[];
  readonly methods: readonly string[];
  readonly paths: readonly string[];
  readonly ports: readonly number[];
}

/** Words that go over a wire: what Envoy's HTTP codec and a certificate's URI can carry. */
export const wireWords: Omit<Vocabulary, 'ports'> = {
  principals: [
    'cluster.local/ns/a/sa/b',
    'cluster.local/ns/a/sa/b2',
    'cluster.local/ns/a-prod/sa/b',
    'cluster.local/ns/a.b/sa/x.y',
    'old.example/ns/a/sa/b',
    'clusterXlocal/ns/a/sa/b',
    'cluster.local/team/ns/a/sa/b',
    'cluster.local/ns/b/sa/ns/a/x',
    'ns/ns/a/sa/b',
  ],
  hosts: [
    'example.com',
    'a.example.com',
    'EXAMPLE.com',
    'exampleXcom',
    'example.com:8080',
    'Example.Com:',
    'example.com:80x',
    '[::1]',
    '[::1]:80',
    'x:1:2',
    '10.0.0.1:9',
  ],
  methods: ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'],
  paths: [
    '/',
    '/admin',
    '/admin/',
    '/admin/x',
    '//admin',
    '/Admin',
    '/a.c',
    '/abc',
    '/a+c',
    '/a*',
    '/[a]',
    '/(a|b)',
    '/%2e%2e/a',
    '/../a',
    '/a/./b',
    '/a;x',
    '/$',
    '/^a$',
    '/{a}',
    '/a\\b',
    '/*',
  ],
};

/** Words that no wire carries, but a policy may hold; a matcher mustn't stumble over them. */
export const wildWords: Omit<Vocabulary, 'ports'> = {
  principals: [
    ...wireWords.principals,
    'td/ns//sa/b',
    'td/ns/é/sa/ü',
    'td/ns/a+b/sa/(c)',
    'td/ns/a\nb/sa/c',
    'td/ns/\\Q\\E/sa/[x]',
    `td/ns/a/sa/${'long'.repeat(30)}`,
    'jinsu-macbook',
  ],
  hosts: [...wireWords.hosts, 'é.example', 'a|b', '.*', '^x$', '[a.com:b]:80', 'a]:80', '[x]y]:1', ':', '::', 'a\nb'],
  methods: [...wireWords.methods, 'get', 'G.T', 'M-SEARCH', '(GET)'],
  paths: [...wireWords.paths, '*', '/é', '/😀/x', '/a\nb', '/\\E.*', '/a\u2028b', '/\0'],
};

/** The parts of all names, which is what a namespace could be. */
export function namespacesOf(words: Vocabulary): readonly string[] {
  return [...new Set(words.principals.flatMap((id) => id.split('/')).filter((part) => part !== ''))];
}
