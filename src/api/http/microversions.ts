/** Microversion negotiation: the revision that a client requests, and the range that we announce. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';

export type Microversion = { readonly major: number; readonly minor: number };

export type VersionRange = {
  readonly min: Microversion;
  readonly max: Microversion;
  /** Service type in `OpenStack-API-Version: <type> <version>`. */
  readonly type: string;
  /** The service's own older header. */
  readonly header: string;
  /** The fault for a malformed version. */
  readonly nonsense: 'badRequest' | 'notAcceptable';
  /** Whether each reply announces the range, in headers after the service's own. */
  readonly announcesRange: boolean;
};

/** True from revision `minor` on: `atLeast(request.microversion, 73)`. */
export function atLeast(version: Microversion, minor: number): boolean {
  return version.minor >= minor;
}

export function formatVersion(version: Microversion): string {
  return `${version.major}.${version.minor}`;
}

/** An onRequest hook: sets `request.microversion` and the reply headers; 406 outside the range. */
export function negotiateMicroversion(range: VersionRange) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    request.microversion = range.min;
    announce(range, reply, range.min);
    const version = parseVersion(askedVersion(request, range), range);
    request.microversion = version;
    announce(range, reply, version);
  };
}

function askedVersion(request: FastifyRequest, range: VersionRange): string | undefined {
  const shared = request.headers['openstack-api-version'];
  for (const part of (Array.isArray(shared) ? shared.join(',') : (shared ?? '')).split(',')) {
    const [type, version] = part.trim().split(/\s+/);
    if (type === range.type && version) return version;
  }
  const own = request.headers[range.header];
  return Array.isArray(own) ? own[0] : own;
}

function parseVersion(asked: string | undefined, range: VersionRange): Microversion {
  if (!asked) return range.min;
  if (asked.toLowerCase() === 'latest') return range.max;
  const match = /^(\d+)\.(\d+)$/.exec(asked);
  if (!match) throw new Fault(range.nonsense, { detail: `API version string ${asked} must be MAJOR.MINOR or latest.` });
  const version = { major: Number(match[1]), minor: Number(match[2]) };
  const isInside = version.major === range.max.major && version.minor >= range.min.minor && version.minor <= range.max.minor;
  if (isInside) return version;
  throw new Fault('notAcceptable', {
    detail: `Version ${asked} is not supported by the API. Minimum is ${formatVersion(range.min)} and maximum is ${formatVersion(range.max)}.`,
  });
}

/** For responses without a version: Ironic's clients read the supported range here. */
export function announceRange(range: VersionRange, reply: FastifyReply): void {
  announce(range, reply, range.min);
}

function announce(range: VersionRange, reply: FastifyReply, version: Microversion): void {
  reply.header('openstack-api-version', `${range.type} ${formatVersion(version)}`);
  reply.header('vary', `OpenStack-API-Version, ${range.header}`);
  if (range.announcesRange) {
    reply.header(range.header.replace(/version$/, 'minimum-version'), formatVersion(range.min));
    reply.header(range.header.replace(/version$/, 'maximum-version'), formatVersion(range.max));
  }
  reply.header(range.header, formatVersion(version));
}
