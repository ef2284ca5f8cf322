/** Where the published document of the image API differs from Glance. */
import type { Exception } from './exception.ts';

export const imageExceptions: readonly Exception[] = [
  {
    at: ['**/direct_url', '**/locations'],
    what: 'missing',
    why: 'Only with show_image_direct_url and show_multiple_locations, which are off by default.',
    source: 'glance/api/v2/images.py (ResponseSerializer._format_image)',
  },
  {
    at: ['**/stores'],
    what: 'missing',
    why: 'Only with several stores.',
    source: 'glance/api/v2/images.py (ResponseSerializer._format_image)',
  },
  {
    operation: 'GET /v2/images**',
    at: ['/next', '/first'],
    what: 'missing',
    why: '`next` only where another page follows; a list of members has no pages.',
    source: 'glance/api/v2/images.py (ResponseSerializer.index), glance/api/v2/image_members.py (index)',
  },
  {
    operation: 'GET /v2/tasks',
    at: ['/tasks/*/image_id', '/tasks/*/input', '/tasks/*/message', '/tasks/*/request_id', '/tasks/*/result', '/tasks/*/user_id'],
    what: 'missing',
    why: 'A list has only the basic fields of tasks.',
    source: 'glance/api/v2/tasks.py (ResponseSerializer._format_task_stub)',
  },
  {
    operation: 'GET /v2/images/{image_id}/tasks',
    at: '/schema',
    what: 'missing',
    why: 'The reply is an object with the tasks alone.',
    source: 'glance/api/v2/images.py (get_task_info)',
  },
  {
    operation: 'GET /v2/info/usage',
    at: '/usage',
    what: 'wrong',
    says: 'must be array',
    why: 'An object, keyed by the name of the quota.',
    source: 'glance/api/v2/discovery.py (get_usage)',
  },
  {
    operation: 'GET /v2/info/stores**',
    at: '/stores/*/default',
    what: 'wrong',
    says: 'must be boolean',
    why: 'A string.',
    source: 'glance/api/v2/discovery.py (get_stores)',
  },
  {
    operation: 'GET /v2/tasks',
    at: '/first',
    what: 'unknown',
    why: 'A link to the first page.',
    source: 'glance/api/v2/tasks.py (ResponseSerializer.index)',
  },
];
