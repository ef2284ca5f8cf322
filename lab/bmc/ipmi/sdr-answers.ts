/** The sensor data record repository: IPMI 2.0 rev 1.1 section 33. */
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import * as rows from '#wire/ipmi/storage-commands.ts';
import { answer, type BmcContext, Refusal } from './answer.ts';
import { makeOdd } from './odd-sdrs.ts';
import { takePart } from './record-parts.ts';
import { encodeSdrs } from './sdr-records.ts';

/** Bytes of a record that fit the buffers of a small BMC. */
const largestPart = 24;
const version = 0x51;

function records({ bmcModel, memory, profile }: BmcContext): readonly Buffer[] {
  memory.sdrs ??= encodeSdrs(bmcModel.sensors, bmcModel.identity.product);
  return profile.oddSdr ? makeOdd(memory.sdrs) : memory.sdrs;
}

const getSdrRepositoryInfo = answer(rows.getSdrRepositoryInfo, (_, context) => ({
  version,
  records: records(context).length,
  freeBytes: 0,
  added: context.memory.startedAt + (context.profile.oddSdr ? 1 : 0),
  erased: 0,
  support: { allocationInfo: false, reserve: true, partialAdd: false, deletes: false, updates: 0, overflow: false },
}));

const reserveSdrRepository = answer(rows.reserveSdrRepository, (_, { memory }) => ({ reservation: memory.reserve('sdr') }));

const getSdr = answer(rows.getSdr, ({ reservation, record, offset, count }, context) => {
  const all = records(context);
  const index = record === rows.firstRecord ? 0 : record === rows.lastRecord ? all.length - 1 : record - 1;
  const bytes = all[index];
  if (!bytes) throw new Refusal(completionCodes.notPresent);
  if (offset > 0 && isLost(context)) context.memory.reserve('sdr');
  if (offset > 0 && reservation !== context.memory.reservations.sdr) throw new Refusal(completionCodes.reservationLost);
  const next = index + 1 < all.length ? index + 2 : rows.lastRecord;
  return { next, data: takePart(bytes, { offset, count, largest: largestPart }) };
});

/** A BMC with this fault loses the reservation after a fixed number of record parts. */
const partsToLoss = 11;

function isLost({ memory, profile }: BmcContext): boolean {
  if (!profile.oddSdr) return false;
  memory.sdrParts = (memory.sdrParts + 1) % partsToLoss;
  return memory.sdrParts === 0;
}

export const sdrAnswers = [getSdrRepositoryInfo, reserveSdrRepository, getSdr];
