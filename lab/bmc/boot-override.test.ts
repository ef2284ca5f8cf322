import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BootOverride } from './boot-override.ts';

function setUp() {
  let now = 0;
  const override = new BootOverride(() => now);
  const pass = (seconds: number) => {
    now += seconds * 1_000;
  };
  return { override, pass };
}

const once = { device: 'pxe', persistent: false } as const;
const always = { device: 'disk', persistent: true } as const;

suite('the boot override', () => {
  test('for one boot is consumed by it', () => {
    const { override } = setUp();
    override.set(once);
    assert.deepEqual(override.takeForBoot(), once);
    assert.equal(override.takeForBoot(), undefined);
  });

  test('persists over all boots', () => {
    const { override, pass } = setUp();
    override.set(always);
    assert.deepEqual(override.takeForBoot(), always);
    pass(3_600);
    assert.deepEqual(override.takeForBoot(), always);
  });

  test('expires when no chassis command follows within 60 s', () => {
    const { override, pass } = setUp();
    override.set(always);
    pass(59);
    assert.deepEqual(override.get(), always);
    override.restartCountdown();
    pass(59);
    assert.deepEqual(override.get(), always);
    pass(1);
    assert.equal(override.get(), undefined);
  });

  test('does not expire if so configured', () => {
    const { override, pass } = setUp();
    override.set(once, { expires: false });
    pass(3_600);
    assert.deepEqual(override.takeForBoot(), once);
  });
});
