/** All IPMI commands that the virtual BMC supports. */
import type { AnyCommand } from '#wire/ipmi/command.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { type Answer, type BmcContext, Refusal } from './answer.ts';
import { appAnswers } from './app-answers.ts';
import { chassisAnswers } from './chassis-answers.ts';
import { deviceAnswers } from './device-answers.ts';
import { fruAnswers } from './fru-answers.ts';
import { lanAnswers } from './lan-answers.ts';
import { sdrAnswers } from './sdr-answers.ts';
import { selAnswers } from './sel-answers.ts';
import { sensorAnswers } from './sensor-answers.ts';
import { sessionAnswers } from './session-answers.ts';
import { userAnswers } from './user-answers.ts';

const answerTable: readonly Answer[] = [
  ...chassisAnswers,
  ...appAnswers,
  ...sessionAnswers,
  ...deviceAnswers,
  ...userAnswers,
  ...lanAnswers,
  ...sdrAnswers,
  ...sensorAnswers,
  ...selAnswers,
  ...fruAnswers,
];
const byRow = new Map(answerTable.map((answer) => [answer.row, answer]));

/** Decodes, executes, encodes. @returns the data after completion code 00h. @throws Refusal, Malformed. */
export function carryOut(row: AnyCommand, data: Buffer, context: BmcContext): Buffer {
  const answer = byRow.get(row);
  if (!answer) throw new Refusal(completionCodes.invalidCommand);
  return answer.carryOut(data, context);
}
