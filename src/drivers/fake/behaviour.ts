/** Behaviour of a fake machine: its node's `driver_info`, else the settings `fake.*`. */
import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { NodeFacts, Properties } from '../interfaces.ts';

/** The settings `fake.*`; their syntax is that of the `driver_info` keys of the same name. */
export type FakeSettings = {
  readonly powerDelayMs: number;
  readonly deployDelayMs: number;
  readonly delayMs?: string;
  readonly failRate?: string;
  readonly stuck?: string;
  readonly softOffSeconds?: number;
  readonly seed?: number;
};

const commands =
  'a power command (`power on`, `power off`, `soft power off`, `reset`, `power status`), `boot device`, another command of the BMC ' +
  '(`sensors`, `log`, `indicator`, `nmi`, `boot mode`, `secure boot`, `media`, `bios`, `firmware`, `hardware`, `console`), the name of a deploy step (`write image`), or ' +
  'the whole BMC: `bmc unreachable`, `bmc refuses`';

export const fakeProperties: Properties = {
  fake_power_delay_ms: { help: 'Milliseconds a power command takes.', default: 'the setting fake.power_delay_ms' },
  fake_delay_ms: {
    help: 'Milliseconds any command of the BMC takes: a number, or two of them (`5-50`) between which it varies.',
    default: 'the setting fake.delay_ms',
  },
  fake_fail: { help: `What fails, comma-separated: ${commands}.` },
  fake_fail_rate: {
    help: 'How often commands of the BMC fail, from 0 to 1; or for some of them, as `power on=0.5, write image=0.1` (names as for fake_fail).',
    default: 'the setting fake.fail_rate',
  },
  fake_stuck: {
    help: 'Power commands that are accepted and have no effect, comma-separated, or `all`.',
    default: 'the setting fake.stuck',
  },
  fake_soft_off_seconds: {
    help: 'Time a soft power off takes to have its effect.',
    default: 'the setting fake.soft_off_seconds',
  },
  fake_seed: {
    help: 'Seed of random failures: the same seed fails the same commands.',
    default: 'the setting fake.seed',
  },
};

export type Behaviour = {
  readonly powerDelayMs: number;
  readonly delayMs: readonly [least: number, most: number];
  readonly fails: readonly string[];
  /** Keyed by command; `anyCommand` = every BMC command without its own entry. */
  readonly failRates: ReadonlyMap<string, number>;
  readonly stuck: readonly string[];
  readonly softOffSeconds: number;
  readonly seed: number;
};

export const anyCommand = '*';

type Facts = Pick<NodeFacts, 'uuid' | 'name' | 'driver_info'>;

/** @throws Fault `driverInfo` for invalid values */
export function readBehaviour({ uuid, name, driver_info: info }: Facts, settings: FakeSettings): Behaviour {
  const wrong = (key: string, expected: string) =>
    new Fault('driverInfo', { node: name ?? uuid, detail: `${key} must be ${expected}.` });
  const text = (key: string, site: string | number = '') => readText(info[key] ?? site, () => wrong(key, 'text'));
  const list = (key: string, site?: string) => {
    if (typeof info[key] === 'number') throw wrong(key, 'text');
    return listOf(text(key, site));
  };
  const number = (key: string, site: number | undefined, what: string) => {
    const value = Number(text(key, site ?? 0));
    if (!(value >= 0)) throw wrong(key, what);
    return value;
  };
  const delay = text('fake_delay_ms', settings.delayMs).trim() || '0';
  const [, least, most] = /^(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?$/.exec(delay) ?? [];
  if (least === undefined) throw wrong('fake_delay_ms', 'a number of milliseconds, or two as 5-50');
  return {
    powerDelayMs: number('fake_power_delay_ms', settings.powerDelayMs, 'a number of milliseconds'),
    delayMs: [Number(least), Number(most ?? least)],
    fails: list('fake_fail'),
    failRates: readRates(text('fake_fail_rate', settings.failRate), () =>
      wrong('fake_fail_rate', 'from 0 to 1, or as power on=0.5'),
    ),
    stuck: list('fake_stuck', settings.stuck),
    softOffSeconds: number('fake_soft_off_seconds', settings.softOffSeconds, 'a number of seconds'),
    seed: number('fake_seed', settings.seed, 'a number'),
  };
}

function readText(value: Json, wrong: () => Fault): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw wrong();
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

function readRates(text: string, wrong: () => Fault): Map<string, number> {
  return new Map(
    listOf(text).map((item) => {
      const [, command = anyCommand, rate] = /^(?:(.+?)\s*=\s*)?([\d.]+)$/.exec(item) ?? [];
      const value = Number(rate ?? Number.NaN);
      if (!(value >= 0 && value <= 1)) throw wrong();
      return [command, value];
    }),
  );
}
