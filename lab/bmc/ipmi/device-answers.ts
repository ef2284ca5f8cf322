/** The BMC as a device: IPMI 2.0 rev 1.1 section 20. */
import * as rows from '#wire/ipmi/device-commands.ts';
import { answer, type BmcContext } from './answer.ts';

/** The caller closes its session: a warm reset lets the BMC finish its current work. */
const finishMilliseconds = 50;

/** The caller gets its response first; then all sessions end, its own included. */
function resetLater({ bmcModel }: BmcContext, kind: 'warm' | 'cold'): Record<never, never> {
  if (kind === 'cold') setImmediate(() => bmcModel.resetBmc(kind));
  else setTimeout(() => bmcModel.resetBmc(kind), finishMilliseconds).unref();
  return {};
}

const passed = { result: 0x55, detail: 0 };

export const deviceAnswers = [
  answer(rows.coldReset, (_, context) => resetLater(context, 'cold')),
  answer(rows.warmReset, (_, context) => resetLater(context, 'warm')),
  answer(rows.getSelfTestResults, () => passed),
  answer(rows.getDeviceGuid, (_, { guid }) => ({ guid })),
];
