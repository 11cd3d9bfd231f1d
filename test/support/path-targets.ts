/** Request targets that have led policies, proxies and applications to different readings of one path. */

/** One character of these texts is one byte on the wire. */
export interface TargetFamily {
  readonly name: string;
  readonly targets: readonly string[];
}

/** Targets with blanks between them. `<20>` is the byte 0x20, `<>` nothing at all. */
function family(name: string, text: string, more: readonly string[] = []): TargetFamily {
  const targets = text
    .trim()
    .split(/\s+/)
    .map((each) => each.replace(/<([0-9a-f]{2})?>/g, (_, hex?: string) => byte(Number.parseInt(hex ?? '', 16))));
  return { name, targets: [...targets, ...more] };
}

const byte = (code: number): string => (Number.isNaN(code) ? '' : String.fromCharCode(code));

/** Ways to `/admin`, to `/api/…/secret` and to `….txt`, and out of `/public/`. */
export const targetFamilies: readonly TargetFamily[] = [
  family(
    'plain',
    `
      /admin /admin/ /admin/x /adminx /x/admin / /x
    `,
  ),
  family(
    'query and fragment',
    `
      /admin?x=1 /admin? /admin?/../x /admin/x?y=/public/ /x?/../admin ?/admin /admin#f /admin# /admin?x#f
      /x#/../admin /admin%3f /admin%3Fx /admin%23 /x%3f/../admin /x%23/../admin /x?y%2f..%2fadmin /admin?#? #/admin
    `,
  ),
  family(
    'dot segments',
    `
      /./admin /x/../admin /../admin /../../admin /x/./../admin /x/y/../../admin /admin/. /admin/.. /admin/../admin
      /admin/./x /admin/x/.. /x/y/../admin /.../admin /x/.../../admin /x/..y/../../admin /admin. /admin.. /.admin
      ./admin ../admin . ..
    `,
  ),
  family(
    'encoded dots',
    `
      /%2e/admin /%2E/admin /x/%2e%2e/admin /x/%2E%2E/admin /x/.%2e/admin /x/%2e./admin /admin/%2e /admin%2e
      /%2e%2e/admin /x/%2e%2e/y/%2E./admin
    `,
  ),
  family(
    'doubled slashes',
    `
      //admin ///admin //x/../admin /x//../admin /x//../../admin /x/..//admin /.//admin //./admin //../admin
      /x///..//../admin //admin//x /admin//
    `,
  ),
  family(
    'encoded slashes',
    `
      /%2fadmin /%2Fadmin %2fadmin /x%2f..%2fadmin /x/..%2fadmin /x/..%2Fadmin /admin%2f /admin%2fx
      /x%2f%2e%2e%2fadmin /.%2fadmin /x/%2e%2e%2fadmin /%2f%2fadmin /%2f/admin //%2fadmin /x%2f%2f..%2f..%2fadmin
      /%2f..%2fadmin
    `,
  ),
  family(
    'backslashes',
    String.raw`
      /\admin \admin \\admin /x\..\admin /x/..\admin /x\../admin /admin\ /admin\x /.\admin /%5cadmin /%5Cadmin
      %5cadmin /x%5c..%5cadmin /x/..%5cadmin /x/..%5Cadmin /admin%5c /admin%5cx /%5c/admin
    `,
  ),
  family(
    'double encoding',
    `
      /%252fadmin /x%252f..%252fadmin /x/..%252fadmin /%252e%252e/admin /x/%252e%252e/admin /x/%252e%252e%252fadmin
      /admin%252fx /%255cadmin /x/..%255cadmin /%25admin /%2561dmin /x/%25252e%25252e/admin /%2%66admin /%%32%66admin
      /%%35%63admin /x/..%%32%66admin /x/%%32%65%%32%65/admin
    `,
  ),
  family(
    'encoded letters',
    `
      /%61dmin /%61%64%6d%69%6e /%61%64%6d%69%6e/x /%61dmin /admi%6e /x/../%61dmin %2f%61%64%6d%69%6e
    `,
  ),
  family(
    'parameters',
    `
      /;/admin /;x=1/admin /admin;x /admin;x=1/y /admin;/ /x/..;/admin /x/..;a=b/admin /x/.;/../admin /x;/../admin
      /x/%2e%2e;/admin /;admin /admin%3bx /x/..%3b/admin /x/..;%2fadmin /admin,x /admin&x /admin=x /admin:x /admin@x
      /admin+ /admin! /admin~ /admin$x /admin(x) /admin'x /admin[x] /admin|x
    `,
  ),
  family(
    'upper case',
    `
      /ADMIN /ADMIN/x /Admin /x/../ADMIN //ADMIN /aDMIN/x
    `,
  ),
  family(
    'absolute form, and none at all',
    String.raw`
      http://server.foo/admin http://server.foo//admin http://server.foo/x/../admin HTTP://SERVER.FOO/admin
      http://server.foo http://server.foo?x=/admin http://server.foo#/admin https://server.foo/admin
      http://evil@server.foo/admin http://server.foo:80/admin http://server.foo\admin http:///admin http:/admin
      http:admin ftp://server.foo/admin //server.foo/admin /http://server.foo/admin
      http://server.foo/x/http://server.foo/../../../admin * <> admin admin/x */admin server.foo:80 javascript:/admin
      /x:/../admin http://[::1]/admin http://server.foo/%2e%2e/admin
    `,
  ),
  family(
    'broken and overlong encodings',
    `
      /admin% /admin%2 /admin%zz /%admin /%zzadmin /%zz/../admin /x/..%2/admin /%c0%afadmin /x/..%c0%afadmin
      /x/%c0%ae%c0%ae/admin /x/%c0%ae%c0%ae%c0%afadmin /x/..%c1%9cadmin /%e0%80%afadmin /%f0%80%80%afadmin
      /%f8%80%80%80%afadmin /%ef%bc%8fadmin /%e2%88%95admin /%u002fadmin /x/..%u002fadmin /%u0061dmin /%ffadmin
      /%c3admin /%ef%bb%bfadmin /<c0><af>admin /x/..<c0><af>admin /x/<c0><ae><c0><ae>/admin /admin<ff>
      /<ef><bb><bf>admin /x/<ef><bc><8e><ef><bc><8e>/admin /<ef><bd><81>dmin /%ef%bd%81dmin /admin%c3%a9
    `,
  ),
  family(
    'control characters',
    `
      /admin%00 /admin%00/x /%00admin /%00/admin /admin<00> /admin<00>x /<00>admin /x/..%00/admin /x/..<00>/admin
      /admin%09 /admin<09> /<09>admin <09>/admin /x/..%09/admin /admin%20 /admin<20> /<20>admin <20>/admin /admin<20>x
      /%20admin /x/..%20/admin /admin%0a /admin%0d /admin%0d%0ax:<20>y /%0aadmin /x/..%0a/admin /admin<7f> /admin<0b>
    `,
  ),
  family(
    'from a public place',
    String.raw`
      /public/../admin /public/x/../../admin /public/./../admin /public/%2e%2e/admin /public/.%2e/admin
      /public/%2E./admin /public/..%2fadmin /public/..%2Fadmin /public%2f..%2fadmin /public%2f%2e%2e%2fadmin
      /public/%2e%2e%2fadmin /public/..\admin /public\..\admin /public/x\..\..\admin /public/..%5cadmin
      /public%5c..%5cadmin /public/%2e%2e%5Cadmin /public//../admin /public//../../admin /public///../../admin
      /public/x//..//../../admin /public/x/..//../admin /public/..//admin /public/%2f../admin /public/%2f../../admin
      /public/%2f%2f..%2f..%2fadmin /public//..%2f../admin /public/%5c../../admin /public\\..\..\admin
      /public/..;/admin /public/..;x=y/admin /public/%2e%2e;/admin /public/%2e%2e;x=y/admin /public;/../admin
      /public;x/../admin /public/.;/../admin /public/;/../../admin /public/x;/../../admin /public/%252e%252e/admin
      /public/..%252fadmin /public/%252e%252e%252fadmin /public/..%255cadmin /public/.../../admin
      /public/.../.../admin /public/..%00/admin /public/..%09/admin /public/..%20/admin /public/..<00>/admin
      /public/..<20>/admin /public/<20>../admin /public/%20../admin /public/..%0a/admin /public/%c0%ae%c0%ae/admin
      /public/..%c0%afadmin /public/<c0><ae><c0><ae>/admin /public/..<c0><af>admin /public/%ef%bc%8e%ef%bc%8e/admin
      /public/%u002e%u002e/admin /public/..?/../admin /public/..#/../admin /public/?/../../admin /public/#/../../admin
      /public/%3f/../../admin /public/%23/../../admin /public/..%3f/admin /public/..%23/admin /public/..%3b/admin
      /public/%%32%65%%32%65/admin /public/..%%32%66admin /public/x/../admin /public/admin /public//admin
      /public/%2fadmin /public%2fadmin /public%5cadmin /public\admin /public%252fadmin /public;/admin /public.admin
      /public/.admin /public/./admin /public?/../admin /public#/../admin /public%3f/../admin /public%23/../admin
      /public%00/../admin /public<09>/../admin /public/../public/x /public/x/../../public/x /public/./../public/x
      /public/%2e%2e/public/x /public/.%2e/public/x /public/%2E./public/x /public/..%2fpublic/x /public/..%2Fpublic/x
      /public%2f..%2fpublic/x /public%2f%2e%2e%2fpublic/x /public/%2e%2e%2fpublic/x /public/..\public/x
      /public\..\public/x /public/x\..\..\public/x /public/..%5cpublic/x /public%5c..%5cpublic/x
      /public/%2e%2e%5Cpublic/x /public//../public/x /public//../../public/x /public///../../public/x
      /public/x//..//../../public/x /public/x/..//../public/x /public/..//public/x /public/%2f../public/x
      /public/%2f../../public/x /public/%2f%2f..%2f..%2fpublic/x /public//..%2f../public/x /public/%5c../../public/x
      /public\\..\..\public/x /public/..;/public/x /public/..;x=y/public/x /public/%2e%2e;/public/x
      /public/%2e%2e;x=y/public/x /public;/../public/x /public;x/../public/x /public/.;/../public/x
      /public/;/../../public/x /public/x;/../../public/x /public/%252e%252e/public/x /public/..%252fpublic/x
      /public/%252e%252e%252fpublic/x /public/..%255cpublic/x /public/.../../public/x /public/.../.../public/x
      /public/..%00/public/x /public/..%09/public/x /public/..%20/public/x /public/..<00>/public/x
      /public/..<20>/public/x /public/<20>../public/x /public/%20../public/x /public/..%0a/public/x
      /public/%c0%ae%c0%ae/public/x /public/..%c0%afpublic/x /public/<c0><ae><c0><ae>/public/x
      /public/..<c0><af>public/x /public/%ef%bc%8e%ef%bc%8e/public/x /public/%u002e%u002e/public/x
      /public/..?/../public/x /public/..#/../public/x /public/?/../../public/x /public/#/../../public/x
      /public/%3f/../../public/x /public/%23/../../public/x /public/..%3f/public/x /public/..%23/public/x
      /public/..%3b/public/x /public/%%32%65%%32%65/public/x /public/..%%32%66public/x /public/x/../public/x
      /public/public/x /public//public/x /public/%2fpublic/x /public%2fpublic/x /public%5cpublic/x /public\public/x
      /public%252fpublic/x /public;/public/x /public.public/x /public/.public/x /public/./public/x
      /public?/../public/x /public#/../public/x /public%3f/../public/x /public%23/../public/x /public%00/../public/x
      /public<09>/../public/x /public /public/ /public/x
    `,
  ),
  family(
    'below a template',
    String.raw`
      /api/v1/secret /api//secret /api/v1//secret /api/v1/x/../secret /api/x/../v1/secret /api/./v1/secret
      /api/%2e/secret /api/v1%2fsecret /api/v1%2Fx/secret /api/v1\secret /api/v1%5csecret /api/;/secret
      /api/v1;x/secret /api/[x]/secret /api/{x}/secret /api/|/secret /api/%7b/secret /api/v1/secret/ /api/v1/secret/.
      /api/"/secret /api/<x>/secret /api/^/secret /api/<60>/secret /api/<ff>/secret /api/%ff/secret /api/v<20>1/secret
      /api/v%201/secret /api/v1/secret?x /api/v1/secret#x /API/v1/secret /api/v1/Secret /api/v1/secret%00
      /api/v1/secret;x /api/v1/%73ecret /%61pi/v1/secret /api/*/secret /api/**/secret /api/v1/v2/secret /api/secret
      /api/v1/secretx /admin/[x] /admin/| /admin/{x}/y /admin/" /admin/\x /admin/% /admin/<ff> /admin/x<20>y /admin/<
      /admin/^<60> /files/x.txt /x.txt /x.txt/ /x.txt;y /x;.txt /x?.txt /x#.txt /x%3f.txt /x%23.txt /x%00.txt
      /x%2f.txt /x/..%2f.txt /x.TXT /x%2etxt /x.tx%74 /x.txt%00 /x.txt%20 /x.txt. /x.txt/. /x/y.txt/.. /admin;x.txt
    `,
  ),
  {
    name: 'long',
    targets: [`/${'x/../'.repeat(200)}admin`, `/${'./'.repeat(2_000)}admin`, `/${'x'.repeat(4_000)}/../admin`],
  },
];

const bytes = Array.from({ length: 256 }, (_, code) => code);
const encoded = (code: number): string => `%${code.toString(16).padStart(2, '0')}`;
const places = (text: string): readonly string[] => [
  `/${text}admin`,
  `/x/..${text}admin`,
  `/public/..${text}admin`,
  `/admin/${text}`,
];

/** Each of the 256 bytes in places where it could change what a path is: percent-encoded, and as it stands. */
export const byteFamilies: readonly TargetFamily[] = [
  {
    name: 'every byte, encoded',
    targets: bytes
      .map(encoded)
      .flatMap((text) => [
        ...places(text),
        `/admin${text}`,
        `/ad${text}min`,
        `/public${text}../admin`,
        `/api/v${text}/secret`,
      ]),
  },
  { name: 'every byte, as it stands', targets: bytes.map(byte).flatMap(places) },
];

const starts = ['/', '/', '/public/', '/public', '/x/', '/api/'] as const;
const { targets: pieces } = family(
  '',
  String.raw`
    / / / // . .. /./ /../ /../ %2e %2E %2f %2F %5c %5C \ ; ;x=1 ? # admin admin public public ADMIN %61dmin api secret x
    %25 %252e %252f %00 % %20 <09> <c0><af> %c0%ae * : @ [ { } | .txt + ~ & =
  `,
);

/** Targets put together at random, the same for the same seed. */
export function randomTargets(seed: number, count: number): readonly string[] {
  let state = seed;
  // A linear congruential generator.
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const one = (list: readonly string[]): string => list[below(list.length)] ?? '';
  return Array.from({ length: count }, () => {
    const length = 1 + below(7);
    return one(starts) + Array.from({ length }, () => one(pieces)).join('');
  });
}
