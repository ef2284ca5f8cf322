/** DSP0268 schema SecureBoot: enables or disables UEFI Secure Boot from the next boot on, and resets its keys. */
import { Fault } from '#domain/faults.ts';
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { ManagementInterface } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { readIfAny } from './reading.ts';
import { booleanAt, choicesAt, linkAt, pathAt } from './resource-fields.ts';

const keyResets = ['ResetAllKeysToDefault', 'DeleteAllKeys', 'DeletePK'] as const;
export type KeyReset = (typeof keyResets)[number];

export function createRedfishSecureBoot(
  withSystem: WithSystem,
): Required<Pick<ManagementInterface, 'getSecureBoot' | 'setSecureBoot'>> {
  return {
    getSecureBoot: (node, callOptions) =>
      withSystem({ node, callOptions, command: 'read secure boot' }, async (at) => {
        const found = await findSecureBoot(at);
        return booleanAt(found?.resource, 'SecureBootEnable') ?? null;
      }),
    setSecureBoot: (node, on, callOptions) =>
      withSystem({ node, callOptions, command: `secure boot ${on ? 'on' : 'off'}` }, (at) => setSecureBoot(at, on)),
  };
}

async function setSecureBoot(at: SystemContext, on: boolean): Promise<void> {
  const { path, resource } = (await findSecureBoot(at)) ?? (await unsupported(at.node, 'secure boot'));
  if (booleanAt(resource, 'SecureBootEnable') === on) return;
  // A 202 names a task that ends at the machine's next boot (iDRAC: a Lifecycle Controller job).
  await at.client.patch(path, { SecureBootEnable: on }, { ...at.callOptions, task: 'accept' });
}

/** @param kind the service's value: `ResetAllKeysToDefault`, `DeleteAllKeys` or `DeletePK` */
export async function resetSecureBootKeys(at: SystemContext, kind: KeyReset): Promise<void> {
  const { resource } = (await findSecureBoot(at)) ?? (await unsupported(at.node, 'secure boot'));
  const target = pathAt(resource, 'Actions', '#SecureBoot.ResetKeys', 'target');
  if (target === undefined) return await unsupported(at.node, 'reset of secure boot keys');
  const allowed = choicesAt(resource, 'Actions', '#SecureBoot.ResetKeys', 'ResetKeysType@Redfish.AllowableValues') ?? keyResets;
  if (!allowed.includes(kind))
    throw new Fault('badRequest', { detail: `This BMC does not support ${kind}; it supports ${allowed.join(', ')}.` });
  await at.client.post(target, { ResetKeysType: kind }, { ...at.callOptions, task: 'accept' });
}

export function isKeyReset(value: unknown): value is KeyReset {
  return keyResets.some((kind) => kind === value);
}

async function findSecureBoot(at: SystemContext): Promise<{ path: string; resource: Resource } | undefined> {
  const { body: system } = await at.system();
  const path = linkAt(system, 'SecureBoot');
  const resource = await readIfAny(at, path);
  return path === undefined || !resource ? undefined : { path, resource };
}
