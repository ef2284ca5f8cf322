/**
 * Checks the node properties that the scheduler reads, for `validate`: an invalid one would silently keep the node
 * unused.
 */
import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { Node } from '#store/tables/nodes.ts';

type Check = (value: Json) => string | undefined;

/** Clients write sizes as numbers or as strings. */
const wholeNumber: Check = (value) =>
  /^\d{1,15}$/.test(String(value)) && typeof value !== 'object' ? undefined : 'must be a whole number';

const word: Check = (value) => (typeof value === 'string' && value.trim() !== '' ? undefined : 'must be text');

/** `boot_mode:uefi,disk_label:gpt`, as Ironic's `capabilities_to_dict` reads it. */
const capabilities: Check = (value) => {
  if (typeof value !== 'string') return 'must be text of the form "name:value,name:value"';
  const odd = value.split(',').find((pair) => pair.trim() !== '' && !/^[^:]+:.+$/.test(pair.trim()));
  return odd === undefined ? undefined : `has "${odd.trim().slice(0, 60)}", which is not of the form name:value`;
};

const checkTable: Readonly<Record<string, Check>> = {
  cpus: wholeNumber,
  memory_mb: wholeNumber,
  local_gb: wholeNumber,
  cpu_arch: word,
  capabilities,
};

/** Whether a value that a machine has reported can be taken: the scheduler understands it. */
export function isUsableProperty(name: string, value: Json): boolean {
  return checkTable[name]?.(value) === undefined;
}

const sizes = ['local_gb', 'memory_mb'] as const;

/** What Python's `int()` converts to a number of at least 0. */
function isSize(value: Json): boolean {
  if (typeof value === 'string') return /^\s*\+?\d+\s*$/.test(value);
  return typeof value === 'boolean' || (typeof value === 'number' && value > -1);
}

/** Rejected when set, as in Ironic; the other checks are left to `validate`. @throws Fault `badRequest` */
export function refuseOddSizes({ uuid, properties }: Pick<Node, 'uuid' | 'properties'>): void {
  const odd = sizes.flatMap((name) => {
    const value = properties[name];
    return value === undefined || value === null || isSize(value) ? [] : [`${name}=${JSON.stringify(value).slice(0, 60)}`];
  });
  if (odd.length === 0) return;
  const detail = `The following properties for node ${uuid} should be non-negative integers, but provided values are: ${odd.join(', ')}`;
  throw new Fault('badRequest', { detail });
}

/** @throws Fault `badRequest` with the property and the expected value */
export function checkNodeProperties({ name, uuid, properties }: Pick<Node, 'name' | 'uuid' | 'properties'>): void {
  for (const [key, check] of Object.entries(checkTable)) {
    const value = properties[key];
    const complaint = value === undefined || value === null || value === '' ? undefined : check(value);
    if (complaint)
      throw new Fault('badRequest', {
        detail: `properties/${key} of node ${name ?? uuid} ${complaint}, not ${JSON.stringify(value).slice(0, 60)}.`,
      });
  }
}
