import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultBmcProfile } from './bmc/bmc-profile.ts';
import { applyProfile, findBmcProfile, loadBmcProfiles } from './bmc-profile-files.ts';

test('every file of lab/bmc-profiles is valid, and the default one changes nothing', () => {
  const all = loadBmcProfiles();

  assert.ok(all.size >= 13);
  assert.deepEqual(findBmcProfile('default').behaviour, {});
  assert.throws(() => findBmcProfile('polite'), /no profile 'polite'; there are .*dead/);
});

test('names an invalid file and its field', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-profiles-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const meant = { description: 'd', source: 's', behaviour: {} };
  const cases: [unknown, RegExp][] = [
    [{ ...meant, source: '' }, /odd\.json is no profile: \/source/],
    [{ ...meant, behaviour: { delay: 1 } }, /no 'delay'; it has .*delayMs/],
    [{ ...meant, behaviour: { delayMs: '1' } }, /'delayMs' must be like 0, not "1"/],
    [{ ...meant, behaviour: { dropRate: 2 } }, /'dropRate' must be like 0, not 2: .*<= 1/],
    [{ ...meant, behaviour: { redfish: { etags: 'loud' } } }, /'redfish\.etags' must be like "weak"/],
    [{ ...meant, surname: 'x' }, /surname/],
  ];
  for (const [content, message] of cases) {
    writeFileSync(join(folder, 'odd.json'), JSON.stringify(content));
    assert.throws(() => loadBmcProfiles(folder), message);
  }
});

test('a request names a base profile and overriding fields', () => {
  const slow = applyProfile(defaultBmcProfile, { profile: 'slow', sessionLimit: 1 });
  assert.deepEqual([slow.delayMs, slow.sessionLimit], [1500, 1]);

  const idle = applyProfile(slow, { 'redfish.etags': 'none' });
  assert.deepEqual([idle.delayMs, idle.redfish.etags, idle.redfish.vendor], [1500, 'none', 'Ingot']);

  assert.deepEqual(applyProfile(idle, { profile: 'default' }), defaultBmcProfile);
});
