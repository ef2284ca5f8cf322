/** BIOS settings of a machine, read from its BMC. */
import { plainJson } from '#domain/plain-text.ts';
import type { Engine } from '#engine/contract.ts';
import type { BaremetalContext } from './context.ts';
import { findNode } from './lookup.ts';
import { mask } from './secrets.ts';

export type BiosSetting = Awaited<ReturnType<Engine['biosSettings']>>[number];

export async function readBiosSettings(context: BaremetalContext, ident: string): Promise<BiosSetting[]> {
  const { uuid } = await findNode(context, ident);
  return plainJson(await context.engine.biosSettings(uuid)).map(withoutPassword);
}

/** Most Redfish services hide their passwords; some do not. */
function withoutPassword<S extends { type?: string; value: unknown; pending?: unknown }>(setting: S): S {
  if (setting.type !== 'Password') return setting;
  const hidden = (value: unknown) => (value === null || value === '' || value === undefined ? value : mask);
  return { ...setting, value: hidden(setting.value), ...('pending' in setting && { pending: hidden(setting.pending) }) };
}
