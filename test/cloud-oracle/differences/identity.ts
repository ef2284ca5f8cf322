/** Intended differences between Keystone 22 and Ingot. */
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';
import { noReply } from '../side.ts';

/** What a member of a project may read in Ingot. */
const readable = /^tokens: GET \/(projects|roles|services|endpoints|regions|role_inferences|domains)/;

export const identityKinds: readonly Kind[] = [
  {
    service: 'identity',
    at: /(\.colour|endpoints?\..*(name|description))$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'Keystone keeps fields that it does not know; Ingot has those that the API describes',
  },
  {
    service: 'identity',
    at: /\.description$/,
    holds: ({ peer, ingot }) => (peer === undefined || peer === null) && ingot === '',
    why: 'a description that nobody gave is empty, of all resources',
  },
  {
    service: 'identity',
    at: /users?\..*(email|description)$/,
    holds: ({ peer, ingot }) => (peer === null || peer === '') && ingot === undefined,
    why: 'what is empty is not shown',
  },
  {
    service: 'identity',
    at: /\.extra$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'private to Keystone, after a PATCH alone',
  },
  { service: 'identity', at: /^status$/, holds: ({ peer }) => peer === noReply, why: 'Keystone ends without a reply' },
  {
    service: 'identity',
    at: /^status$/,
    steps: readable,
    holds: ({ peer, ingot }) => peer === 403 && ingot === 200,
    why: 'whoever has a token may read the catalogue and the roles, and sees its own projects and domain',
  },
  {
    service: 'identity',
    at: /^headers\.content-type$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'no content, no type',
  },
  {
    service: 'identity',
    at: /^body\.(token\.)?catalog\.\[(keystone|identity|compute|image|network|baremetal)\]/,
    why: "each cloud's own services",
  },
  {
    service: 'identity',
    at: /^body\.token\.(expires|issued)_at$/,
    holds: ({ peer, ingot }) => peer === 'TIME .6 Z' && ingot === 'TIME .3 Z',
    why: 'milliseconds; both are of RFC 3339',
  },
  {
    service: 'identity',
    at: /^body\.role_assignments\.\[.*(membership|inherited_to|system)/,
    steps: /effective/,
    why: 'Ingot shows once for each place what is in effect, the system too; Keystone each way by which it comes there',
  },
];

export const identityDifferences: Readonly<Record<string, Difference>> = {};
