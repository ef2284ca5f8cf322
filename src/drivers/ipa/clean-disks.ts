/**
 * Automatic cleaning, as by Ironic: the steps that the ramdisk's hardware managers enable (priority above 0), the highest
 * priority first. `erase_devices` must be among them: metadata alone would leave a tenant's data readable.
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { CleanResult } from '#agent-protocol/messages.ts';
import { IpaError } from './client.ts';
import { type IpaFacts, nodeOf, portsOf } from './facts.ts';
import { type Done, type IpaProgram, sync } from './program.ts';

const CleanStep = Type.Object({
  interface: Type.String({ maxLength: 64 }),
  step: Type.String({ maxLength: 128 }),
  priority: Type.Integer(),
  reboot_requested: Type.Optional(Type.Boolean()),
});
const Version = Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 256 }), { maxProperties: 64 });
const Offered = Type.Object({
  clean_steps: Type.Record(Type.String({ maxLength: 256 }), Type.Array(CleanStep, { maxItems: 200 }), { maxProperties: 64 }),
  hardware_manager_version: Version,
});
const Kept = Type.Object({ steps: Type.Array(CleanStep), version: Version });
const Erased = Type.Object({ clean_result: Type.Record(Type.String(), Type.Unknown(), { maxProperties: 256 }) });
const devicePattern = /^\/dev\/[A-Za-z0-9/_-]{1,58}$/;

const eraseDevices = 'erase_devices';
/** What each of them did is kept in the operation's row, which is written whole after each. */
const mostSteps = 100;

export const cleanDisks: IpaProgram = {
  async next(_params, done, facts) {
    const [offered, ...executed] = done;
    const node = nodeOf(facts.node);
    const ports = portsOf(facts.node);
    if (!offered) return { call: { name: 'clean.get_clean_steps', params: { node, ports } } };
    if (!Value.Check(Kept, offered)) throw new IpaError('refused', 'its clean steps cannot be understood');
    const { steps, version } = offered;
    const refusal = whyNot(steps);
    if (refusal) return { reply: { ok: false, error: refusal } };
    const step = steps[executed.length];
    if (step) return { call: { name: 'clean.execute_clean_step', params: { step, node, ports, clean_version: version } } };
    if (executed.length === steps.length) return { call: sync };
    return { reply: { ok: true, result: { disks: disksOf(executed, facts) } } };
  },
  keep(result, call) {
    if (call === 0) return readOffered(result);
    return { devices: erasedBy(result) };
  },
};

function readOffered(result: unknown): Static<typeof Kept> {
  if (!Value.Check(Offered, result)) throw new IpaError('refused', 'its clean steps cannot be understood');
  const enabled = Object.values(result.clean_steps)
    .flat()
    .filter(({ priority }) => priority > 0)
    .map(({ interface: of, step, priority, reboot_requested = false }) => ({ interface: of, step, priority, reboot_requested }));
  if (enabled.length > mostSteps)
    throw new IpaError('refused', `it has ${enabled.length} clean steps, of which ${mostSteps} are the most`);
  return { steps: enabled.sort((a, b) => b.priority - a.priority), version: result.hardware_manager_version };
}

function whyNot(steps: readonly Static<typeof CleanStep>[]): string | undefined {
  if (!steps.some(({ step }) => step === eraseDevices))
    return `its hardware managers do not enable the clean step ${eraseDevices}, so the disks would keep their data`;
  const restarting = steps.find(({ reboot_requested }) => reboot_requested);
  return restarting && `the clean step ${restarting.step} asks for a reboot of the ramdisk, which Ingot does not support`;
}

/** `erase_devices` returns the devices with what its command printed; other steps what they like. */
function erasedBy(result: unknown): string[] {
  const isErasure = (result as { clean_step?: { step?: unknown } } | null)?.clean_step?.step === eraseDevices;
  if (!isErasure || !Value.Check(Erased, result)) return [];
  return Object.keys(result.clean_result).filter((name) => devicePattern.test(name));
}

function disksOf(executed: readonly Done[], { inventory }: IpaFacts): Static<typeof CleanResult>['disks'] {
  return executed.flatMap(({ devices, seconds }) =>
    (Array.isArray(devices) ? devices : []).map((device) => ({
      device: String(device),
      size_bytes: inventory.disks.find((disk) => disk.device === device)?.size_bytes ?? 0,
      method: 'overwrite' as const,
      seconds,
    })),
  );
}
