/** Rejects writes of members before the disk is full: the reserve is for operations, administrators and deletions. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { DiskSpaceWatch } from '#images/room-watch.ts';
import type { ApiPartSettings } from '../settings.ts';
import type { ServiceName } from './fault-replies.ts';

const growing: readonly string[] = ['POST', 'PUT', 'PATCH'];

/** Creates an onRequest hook for each service, behind authentication. */
export function keepReserve(settings: ApiPartSettings): (service: ServiceName) => (request: FastifyRequest) => Promise<void> {
  const mib = settings['images.reserve_mib'];
  const watch = new DiskSpaceWatch({ folder: settings.state_dir, reserve: mib * 1024 ** 2 });
  return (service) => async (request) => {
    if (request.caller.is_admin || !growing.includes(request.method) || !(await watch.isFull())) return;
    // Glance responds with 413 if its store is full.
    if (service === 'image') throw new Fault('tooLarge', { detail: 'There is no space left on the disk of the image service.' });
    throw new Fault('diskReserve', { mib });
  };
}
