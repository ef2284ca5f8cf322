import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkExtraSpec, refuseMiscased } from './extra-spec-rules.ts';

test('accepts what Nova accepts', () => {
  for (const [key, value] of [
    ['resources:VCPU', '0'],
    ['resources:CUSTOM_BAREMETAL_GOLD', '1'],
    ['resources1:CUSTOM_X', '2'],
    ['resources_a-B:DISK_GB', '10'],
    ['trait:HW_CPU_X86_VMX', 'required'],
    ['trait2:CUSTOM_Y', 'forbidden'],
    ['capabilities:boot_mode', 'uefi'],
    ['capabilities:cpu_info:features', '<in> aes'],
    ['hw:cpu_policy', 'dedicated'],
    ['baremetal:deploy_kernel_id', 'x'],
    ['foreign:key', ''],
    ['cpu_arch', 's== x86_64'],
  ] as const)
    checkExtraSpec(key, value);
});

test('rejects an extra spec that the scheduler would ignore', () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['resources:VCPU', 'many', /extra spec 'resources:VCPU' must be a whole number, not 'many'/],
    ['resources:CUSTOM_X', '-1', /whole number/],
    ['resources:CUSTOM_X', '1.5', /whole number/],
    ['resources:custom_x', '1', /does not appear to be a valid extra spec/],
    ['resources:BAREMETAL', '1', /does not appear/],
    ['trait:CUSTOM_X', 'Required', /'required' or 'forbidden'/],
    ['trait:lower', 'required', /does not appear/],
    ['capabilities:', 'x', /does not appear/],
  ];
  for (const [key, value, message] of rows) assert.throws(() => checkExtraSpec(key, value), { code: 'badRequest', message }, key);
});

test('rejects a known namespace in capitals, and accepts unknown ones', () => {
  for (const key of [
    'RESOURCES:CUSTOM_X',
    'Trait:CUSTOM_X',
    'Capabilities:boot_mode',
    'Resources1:VCPU',
    ' resources:VCPU',
    'trait :X',
  ])
    assert.throws(() => refuseMiscased(key), {
      code: 'badRequest',
      message: /would be ignored: write '[a-z]+1?:' in lower case/,
    });
  for (const key of ['resources:CUSTOM_X', 'HW:cpu_policy', 'CPU_ARCH', 'x:RESOURCES']) refuseMiscased(key);
});
