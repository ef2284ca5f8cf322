/** Linux software RAID, made by Ingot's agent in the deploy ramdisk. */
import { Value } from 'typebox/value';
import { ApplyRaidResult } from '#agent-protocol/messages.ts';
import { complaintsOfVolumes, namedVolumes } from '#agent-protocol/raid-plan.ts';
import { Fault } from '#domain/faults.ts';
import type { CurrentLogicalDisk, CurrentRaid, LogicalDisk, RaidChange } from '#domain/raid.ts';
import type { RaidInterface, Task } from '../interfaces.ts';

const command = 'change the RAID';

export function createAgentRaid(): RaidInterface {
  return {
    properties: {},
    validate() {},
    checkConfig({ logical_disks }) {
      const complaints = complaintsOfVolumes(logical_disks);
      if (complaints.length > 0)
        throw new Fault('badRequest', { detail: `The RAID configuration cannot be made: ${complaints.join('; ')}.` });
    },
    // As of Ironic's interface `agent`.
    applies: { nonroot: true, deletes: true },
    inBand: { run },
  };
}

async function run(task: Task, change: RaidChange, key: string): Promise<CurrentRaid | undefined> {
  if (!task.agent.heard()) throw new Fault('agentFailed', { command, detail: 'no ramdisk runs on the machine' });
  if (task.agent.kind !== 'ingot')
    throw new Fault('unsupported', { what: "Software RAID by Ironic's own agent (driver_info/agent=ipa)" });
  const disk_label = /(?:^|,)\s*disk_label:(\w+)/.exec(String(task.node.properties['capabilities'] ?? ''))?.[1];
  const params = { deletes: change.deletes, creates: change.creates, ...(disk_label && { disk_label }) };
  const reply = await task.agent.ask('apply-raid', params, key);
  if (!reply) return undefined;
  if (!reply.ok) throw new Fault('agentFailed', { command, detail: reply.error });
  if (!Value.Check(ApplyRaidResult, reply.result))
    throw new Fault('agentFailed', { command, detail: 'its report cannot be understood' });
  const { volumes, deleted } = reply.result;
  for (const name of deleted) task.note('RAID', `RAID ${name} deleted`);
  for (const { name, members, size_bytes } of volumes)
    task.note('RAID', `RAID ${name} of ${members.join(', ')}, ${size_bytes} bytes`);
  const former = change.deletes ? [] : (task.node.raid_config.logical_disks ?? []);
  const made = namedVolumes(change.creates).map(([name, volume]) => currentOf(name, volume, volumes));
  const kept = former.filter((disk) => !made.some((each) => each['volume_name'] === disk['volume_name']));
  return { logical_disks: [...kept, ...made] };
}

/** As Ironic's, which is the configuration that was given; the UUID is that of the array. */
function currentOf(name: string, volume: LogicalDisk, made: ApplyRaidResult['volumes']): CurrentLogicalDisk {
  const found = made.find((each) => each.name === name);
  if (!found) throw new Fault('agentFailed', { command, detail: `its report does not have the RAID ${name}` });
  return { ...volume, volume_name: name, uuid: found.uuid };
}
