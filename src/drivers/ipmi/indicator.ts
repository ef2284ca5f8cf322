import { askOr } from '#wire/ipmi/asker.ts';
import { chassisIdentify, getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import type { IndicatorState } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { NodeAsker } from './ask-node.ts';

const longest = 255;
/** Completion codes of BMCs that do not support identify without a time limit, which IPMI 2.0 introduced. */
const withoutForce: readonly number[] = [completionCodes.wrongLength, completionCodes.invalidField];

/** The identify light. IPMI cannot distinguish a lit light from a blinking one, nor request either. */
export async function setIndicator(asker: NodeAsker, state: IndicatorState): Promise<void> {
  if (state === 'blinking') return unsupported(asker.node, "indicator state 'blinking'");
  if (state === 'off') return void (await asker.ask(chassisIdentify, { seconds: 0, force: undefined }));
  const fields = { seconds: longest, force: { on: true } };
  const reply = await askOr(asker, { row: chassisIdentify, fields, expected: withoutForce });
  if ('completion' in reply) await asker.ask(chassisIdentify, { seconds: longest, force: undefined });
}

/** Get Chassis Status, byte 4: bit 6 says whether bits 5 and 4 are valid. */
export async function getIndicator(asker: NodeAsker): Promise<IndicatorState> {
  const { misc } = await asker.ask(getChassisStatus, {});
  if (!misc.reportsIdentify) return unsupported(asker.node, 'reading the indicator');
  return misc.identify === 0 ? 'off' : 'on';
}
