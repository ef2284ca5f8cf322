/**
 * Where a published document is wrong, or says less than the service does: the service's own source decides. A row that
 * excuses nothing any more fails the test.
 */
import { computeExceptions } from './compute-exceptions.ts';
import type { DocumentedService } from './document.ts';
import type { Exception } from './exception.ts';
import { identityExceptions } from './identity-exceptions.ts';
import { imageExceptions } from './image-exceptions.ts';
import { networkExceptions } from './network-exceptions.ts';

export const exceptionTable: Readonly<Record<DocumentedService, readonly Exception[]>> = {
  compute: computeExceptions,
  network: networkExceptions,
  identity: identityExceptions,
  image: imageExceptions,
};
