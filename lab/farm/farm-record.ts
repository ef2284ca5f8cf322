/** farm.json: the enrolment data of a farm. It holds passwords, so only its owner may read it. */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomicallySync } from '#files/write-atomically.ts';
import type { FarmRecord } from './farm-plan.ts';

export function farmFile(stateDir: string): string {
  return join(stateDir, 'farm.json');
}

export function writeFarm(record: FarmRecord): void {
  mkdirSync(record.state_dir, { recursive: true, mode: 0o700 });
  writeAtomicallySync(farmFile(record.state_dir), `${JSON.stringify(record, null, 1)}\n`);
}

export function readFarm(stateDir: string): FarmRecord | undefined {
  const file = farmFile(stateDir);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as FarmRecord) : undefined;
}
