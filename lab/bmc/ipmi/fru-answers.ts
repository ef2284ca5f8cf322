/** FRU device 0, which identifies the machine: IPMI 2.0 rev 1.1 section 34, FRU Information Storage Definition 1.2. */
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import * as rows from '#wire/ipmi/storage-commands.ts';
import { encodeLatin } from '#wire/ipmi/type-length-text.ts';
import type { BmcModelIdentity } from '../bmc-model.ts';
import { answer, type BmcContext, Refusal } from './answer.ts';

const largestPart = 64;
const areaSize = 256;
const unit = 8;
const english = 25;
const endOfTexts = 0xc1;
const rackMount = 23;
/** Minutes from 1996 to the first of June 2024. */
const madeAt = (Date.UTC(2024, 5, 1) - Date.UTC(1996, 0, 1)) / 60_000;
const textLimit = 0x3f;

const getFruAreaInfo = answer(rows.getFruAreaInfo, ({ device }) => {
  if (device !== 0) throw new Refusal(completionCodes.notPresent);
  return { size: areaSize, access: { words: false } };
});

const readFruData = answer(rows.readFruData, ({ device, offset, count }, context) => {
  if (device !== 0) throw new Refusal(completionCodes.notPresent);
  if (count > largestPart) throw new Refusal(completionCodes.tooManyBytes);
  if (offset >= areaSize) throw new Refusal(completionCodes.outOfRange);
  const data = encodeFru(context).subarray(offset, offset + count);
  return { count: data.length, data };
});

function encodeFru({ bmcModel, profile }: BmcContext): Buffer {
  const { manufacturer, product, serial, partNumber } = bmcModel.identity;
  const isWrong = profile.wrongChecksums;
  const made = Buffer.alloc(3);
  made.writeUIntLE(madeAt, 0, 3);
  const areas = [
    area(Buffer.of(rackMount), [partNumber, serial], isWrong),
    area(Buffer.concat([Buffer.of(english), made]), [manufacturer, `${product} Board`, serial, partNumber, ''], isWrong),
    area(Buffer.of(english), productTexts(bmcModel.identity), isWrong),
  ];
  const offsets = areas.map((_, index) => (unit + areas.slice(0, index).reduce((sum, { length }) => sum + length, 0)) / unit);
  const head = close(Buffer.of(1, 0, ...offsets, 0, 0), false);
  return Buffer.concat([head, ...areas], areaSize);
}

function productTexts({ manufacturer, product, partNumber, serial }: BmcModelIdentity): string[] {
  return [manufacturer, product, partNumber, '1.0', serial, '', ''];
}

/** An area: format version and length, then texts, padding and checksum. */
function area(fields: Buffer, texts: readonly string[], isWrong: boolean): Buffer {
  const body = Buffer.concat([fields, ...texts.map((text) => encodeLatin(text, textLimit)), Buffer.of(endOfTexts)]);
  const size = Math.ceil((2 + body.length + 1) / unit) * unit;
  return close(Buffer.concat([Buffer.of(1, size / unit), body], size - 1), isWrong);
}

function close(bytes: Buffer, isWrong: boolean): Buffer {
  const sum = bytes.reduce((total, byte) => total + byte, isWrong ? 1 : 0);
  return Buffer.concat([bytes, Buffer.of(-sum & 0xff)]);
}

export const fruAnswers = [getFruAreaInfo, readFruData];
