/** Writes image and config drive, as Ironic's deploy interface `direct` does. */
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { chooseDisk } from '#agent-protocol/choose-disk.ts';
import { WriteImage } from '#agent-protocol/messages.ts';
import type { JsonObject } from '#domain/json.ts';
import type { AgentReply } from '../interfaces.ts';
import { type IpaCall, textOf } from './client.ts';
import { type IpaFacts, nodeOf, portsOf } from './facts.ts';
import { type Done, type IpaProgram, sync } from './program.ts';

/** Entries in the firmware's boot order, where there is one; without EFI loader IPA does nothing. */
const installBootLoader: IpaCall = {
  name: 'image.install_bootloader',
  params: { root_uuid: null, efi_system_part_uuid: null, prep_boot_part_uuid: null, target_boot_mode: 'uefi' },
};

export const writeImage: IpaProgram = {
  async next(given, done, facts) {
    if (!Value.Check(WriteImage, given)) return failed('the parameters of the command are not known');
    let device: string;
    try {
      device = diskFor(given, facts);
    } catch (error) {
      return failed((error as Error).message);
    }
    const [written, ...others] = done;
    if (!written) return { call: await writeCall(given, device, facts) };
    const left = [...(facts.inventory.firmware.mode === 'uefi' ? [installBootLoader] : []), sync][others.length];
    return left ? { call: left } : { reply: replyOf(given, written, device) };
  },
  keep: (result, call): JsonObject => (call === 0 ? { device: reportedDevice(result) } : {}),
};

function failed(error: string): { reply: AgentReply } {
  return { reply: { ok: false, error } };
}

/** The same choice as of Ingot's agent: IPA by itself takes the smallest disk of at least 4 GiB. */
function diskFor({ root_device: hints, minimum_bytes, virtual_size }: WriteImage, { inventory }: IpaFacts): string {
  const minimumBytes = Math.max(minimum_bytes, virtual_size);
  return chooseDisk(inventory.disks, { minimumBytes, ...(hints && { hints }) }).device;
}

async function writeCall({ path, sha256 }: WriteImage, device: string, facts: IpaFacts): Promise<IpaCall> {
  const configdrive = await facts.configDrive();
  const image_info = {
    id: path.split('/').at(-1) ?? '',
    urls: [facts.imageUrl(path)],
    ...{ disk_format: 'raw', container_format: 'bare', stream_raw_images: true },
    ...{ os_hash_algo: 'sha256', os_hash_value: sha256, checksum: sha256 },
    node_uuid: facts.node.uuid,
  };
  const args = { image_info, configdrive: configdrive ?? null };
  const step = { interface: 'deploy', step: 'write_image', args };
  return {
    name: 'deploy.execute_deploy_step',
    params: { step, node: nodeOf(facts.node, device), ports: portsOf(facts.node) },
  };
}

const WriteResult = Type.Object({ deploy_result: Type.Object({ result: Type.String() }) });

/** From the message `… image (ID) written to device /dev/sda root_uuid=…`. Empty: not in it. */
function reportedDevice(result: unknown): string {
  if (!Value.Check(WriteResult, result)) return '';
  return /written to device (\/dev\/[A-Za-z0-9/_-]{1,58})(?:\s|$)/.exec(textOf(result.deploy_result.result))?.[1] ?? '';
}

function replyOf({ size }: WriteImage, { device, seconds }: Done, chosen: string): AgentReply {
  const result: JsonObject = { device: device || chosen, data_bytes: size, skipped_bytes: 0, seconds };
  return { ok: true, result };
}
