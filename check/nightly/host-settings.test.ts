import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aptLines, npmLines, sourceLines } from './host-settings.ts';

test('takes only the mirror settings of apt', () => {
  const dump = `Acquire::cdrom::mount "/media/cdrom/";
Acquire::http::Proxy "http://proxy.example:3142";
Acquire::https::CaInfo "";
Acquire::https::mirror.example::Verify-Peer "false";
Acquire::IndexTargets::deb::Packages::Optional "0";
`;
  assert.deepEqual(aptLines(dump), [
    'Acquire::http::Proxy "http://proxy.example:3142";',
    'Acquire::https::mirror.example::Verify-Peer "false";',
  ]);
});

test('takes a mirror of this Debian release, and no other source', () => {
  const mirror = 'http://mirror.example/debian/ bookworm main Debian\n';
  const others = 'https://packages.example/ nodistro main Node\nhttp://mirror.example/debian/ trixie main Debian\n';
  assert.deepEqual(sourceLines(mirror + mirror + others), ['deb http://mirror.example/debian/ bookworm main']);
  assert.deepEqual(sourceLines(`http://deb.debian.org/debian/ bookworm main Debian\n${others}`), []);
  assert.deepEqual(sourceLines(''), []);
});

test('takes another suite from the same mirror, without its updates', () => {
  const mirror =
    'http://mirror.example/debian/ bookworm main Debian\nhttp://mirror.example/security/ bookworm-security main Debian\n';
  assert.deepEqual(sourceLines(mirror, 'sid'), ['deb http://mirror.example/debian/ sid main']);
  assert.deepEqual(sourceLines('http://deb.debian.org/debian/ bookworm main Debian\n', 'sid'), []);
});

test('takes registries, proxies and certificates of npm', () => {
  const text =
    'registry=https://r.example/\n@a:registry = https://s.example/\n//r.example/:_authToken=t\nfund=false\nnodedir=/usr\n';
  assert.deepEqual(npmLines(text), [
    'registry=https://r.example/',
    '@a:registry = https://s.example/',
    '//r.example/:_authToken=t',
  ]);
});
