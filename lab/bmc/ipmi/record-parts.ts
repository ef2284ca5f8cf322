import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { Refusal } from './answer.ts';

const toTheEnd = 0xff;

/** Part of a record, as Get SDR and Get SEL Entry return it. @throws Refusal when the range is missing or too large */
export function takePart(bytes: Buffer, { offset, count, largest }: { offset: number; count: number; largest: number }): Buffer {
  if (offset > bytes.length) throw new Refusal(completionCodes.outOfRange);
  const wanted = count === toTheEnd ? bytes.length - offset : count;
  if (wanted > largest) throw new Refusal(completionCodes.tooManyBytes);
  return bytes.subarray(offset, offset + wanted);
}
