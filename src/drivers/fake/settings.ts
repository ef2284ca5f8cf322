import { integer, type SettingsOf, seconds, text } from '#settings/setting.ts';

export const fakeSettings = {
  'fake.power_delay_ms': integer({ default: 0, help: 'Fake hardware: duration of power commands' }),
  'fake.deploy_delay_ms': integer({ default: 0, help: 'Fake hardware: duration of writing an image' }),
  'fake.delay_ms': text(
    { default: '0', help: 'Fake hardware: duration of any command, fixed (5) or random (5-50) (milliseconds)' },
    { expected: 'a number of milliseconds, or two as 5-50', isValid: (value) => /^\d+(?:-\d+)?$/.test(value) },
  ),
  'fake.fail_rate': text(
    { help: 'Fake hardware: failure rate from 0 to 1, overall or by command (power on=0.5,bmc unreachable=0.1)' },
    { expected: 'from 0 to 1, or as power on=0.5,reset=0.1', isValid: isRates },
  ),
  'fake.stuck': text({ help: 'Fake hardware: power commands without effect, comma-separated, or all' }),
  'fake.soft_off_seconds': seconds(0, 'Fake hardware: duration of a soft power off'),
  'fake.seed': integer({ default: 0, help: 'Fake hardware: seed of random failures' }),
};

export type FakeSettings = SettingsOf<typeof fakeSettings>;

function isRates(value: string): boolean {
  return value.split(',').every((item) => /^(?:[^=]+=)?\s*(?:0(?:\.\d+)?|1(?:\.0+)?)$/.test(item.trim()));
}
