import type { BootInterface, ConsoleInterface, DeployInterface, ManagementInterface, PowerInterface } from '../interfaces.ts';
import { fakeBoot } from './boot.ts';
import { fakeConsole } from './console.ts';
import { createFakeDeploy } from './deploy.ts';
import { createFakeManagement } from './management.ts';
import { createFakePower } from './power.ts';

export type FakeTimes = { powerDelayMs: number; deployDelayMs: number };

export type FakeDriver = {
  readonly power: PowerInterface;
  readonly management: ManagementInterface;
  readonly boot: BootInterface;
  readonly deploy: DeployInterface;
  readonly console: ConsoleInterface;
};

export function createFakeDriver(times: FakeTimes): FakeDriver {
  return {
    power: createFakePower(times.powerDelayMs),
    management: createFakeManagement(),
    boot: fakeBoot,
    deploy: createFakeDeploy(times.deployDelayMs),
    console: fakeConsole,
  };
}
