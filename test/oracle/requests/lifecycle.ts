/** What operators say about a node's life, adoption, and what changes in which state. */
import { type Ask, type Given, get, patch, put, type Row, remove } from '../row.ts';

type Options = Parameters<typeof put>[3];
const replace = (path: string, value: unknown) => ({ op: 'replace', path, value });
const add = (path: string, value: unknown) => ({ op: 'add', path, value });
const given = (state: Given['state'], more: Given = {}): { given: Given } => ({ given: { state, ...more } });
const patched = (...body: object[]): Ask => ({ method: 'PATCH', path: '/nodes/$NODE', body });
const isProtected = patched(add('/protected', true), add('/protected_reason', 'production'));
const isRetired = patched(add('/retired', true), add('/retired_reason', 'old'));
const keepsPower = patched(add('/disable_power_off', true));

const verb = (name: string, target: string, options: Options): Row =>
  put(`lifecycle: ${name}`, '/nodes/$NODE/states/provision', { target }, options);
const power = (name: string, target: string, options: Options): Row =>
  put(`lifecycle: ${name}`, '/nodes/$NODE/states/power', { target }, options);
/** Of an active node: the boot state and power state of fake hardware differ. */
const sees = ['status', ...['protected', 'protected_reason', 'retired', 'retired_reason', 'automated_clean'].map(ofBody)];
const change = (name: string, operations: readonly object[], options: Options = {}): Row => {
  const isNew = (options.given?.state ?? 'enroll') === 'enroll';
  return patch(`lifecycle: ${name}`, operations, { ...(!isNew && { sees }), ...options });
};
function ofBody(name: string): string {
  return `body.${name}`;
}
const port = (name: string, operations: readonly object[], { given }: { given: Given }): Row => ({
  name: `lifecycle: ${name}`,
  given: { port: {}, ...given },
  ask: { method: 'PATCH', path: '/ports/$PORT', body: operations },
});

export const lifecycleRows: readonly Row[] = [
  change('protect a new node', [add('/protected', true)]),
  change('protect a managed node', [add('/protected', true)], given('manageable')),
  change('protect an active node', [add('/protected', true), add('/protected_reason', 'production')], given('active')),
  change('a reason without protection', [add('/protected_reason', 'production')], given('active')),
  change('end a protection', [replace('/protected', false)], given('active', { done: [isProtected] })),
  change('end a protection with a new reason', [replace('/protected', false), replace('/protected_reason', 'x')], {
    ...given('active', { done: [isProtected] }),
  }),
  change('protection at 1.47', [add('/protected', true)], { ...given('active'), version: '1.47' }),
  verb('undeploy a protected node', 'deleted', given('active', { done: [isProtected] })),
  verb('rebuild a protected node', 'rebuild', given('active', { done: [isProtected] })),
  remove('lifecycle: delete a protected node', '/nodes/$NODE', given('active', { done: [isProtected] })),
  remove('lifecycle: delete a protected node in maintenance', '/nodes/$NODE', {
    ...given('active', { maintenance: true, done: [isProtected] }),
  }),
  change('retire a new node', [add('/retired', true), add('/retired_reason', 'old')]),
  change('retire an available node', [add('/retired', true)], given('available')),
  change('retire an active node', [add('/retired', 'yes')], given('active')),
  change('a reason without retirement', [add('/retired_reason', 'old')]),
  change('end a retirement', [replace('/retired', false)], { given: { done: [isRetired] } }),
  verb('provide a retired node', 'provide', given('manageable', { done: [isRetired] })),
  get('lifecycle: list retired nodes', '/nodes?retired=true', { given: { done: [isRetired], other: {} } }),
  get('lifecycle: list nodes that are not retired', '/nodes?retired=false', { given: { done: [isRetired], other: {} } }),
  change('automated_clean off', [add('/automated_clean', false)]),
  change('automated_clean on', [add('/automated_clean', 'true')]),
  change('automated_clean as the site', [add('/automated_clean', null)]),
  change('no power off', [add('/disable_power_off', true)]),
  change('no power off at 1.94', [add('/disable_power_off', true)], { version: '1.94' }),
  power('off, without power off', 'power off', given('manageable', { done: [keepsPower] })),
  power('soft off, without power off', 'soft power off', given('manageable', { done: [keepsPower] })),
  power('on, without power off', 'power on', given('manageable', { done: [keepsPower] })),
  power('rebooting, without power off', 'rebooting', given('manageable', { done: [keepsPower] })),
  verb('adopt a new node', 'adopt', given('enroll')),
  verb('adopt a managed node', 'adopt', given('manageable')),
  verb('adopt a managed node in maintenance', 'adopt', given('manageable', { maintenance: true })),
  verb('adopt an active node', 'adopt', given('active')),
  verb('adopt at 1.16', 'adopt', { ...given('manageable'), version: '1.16' }),
  verb('manage an active node', 'manage', given('active')),
  verb('provide an active node', 'provide', given('active')),
  verb('inspect an active node', 'inspect', given('active')),
  verb('clean an active node', 'clean', given('active')),
  verb('abort an active node', 'abort', given('active')),
  verb('active an active node', 'active', given('active')),
  verb('undeploy an active node', 'deleted', given('active')),
  verb('rebuild an active node in maintenance', 'rebuild', given('active', { maintenance: true })),
  remove('lifecycle: delete an active node', '/nodes/$NODE', given('active')),
  remove('lifecycle: delete an active node in maintenance', '/nodes/$NODE', given('active', { maintenance: true })),
  change('an interface of an active node', [replace('/vendor_interface', 'no-vendor')], given('active')),
  change('an interface of an active node in maintenance', [replace('/vendor_interface', 'no-vendor')], {
    ...given('active', { maintenance: true }),
  }),
  change('an interface of an available node', [replace('/vendor_interface', 'no-vendor')], given('available')),
  change('the first resource class of an active node', [add('/resource_class', 'large')], given('active')),
  change('the resource class of an active node', [add('/resource_class', 'large')], {
    ...given('active', { node: { resource_class: 'small' } }),
  }),
  change('the same resource class of an active node', [add('/resource_class', 'small')], {
    ...given('active', { node: { resource_class: 'small' } }),
  }),
  change('the owner of an active node', [add('/owner', 'somebody')], given('active')),
  change('extra of an active node', [add('/extra/a', 1)], given('active')),
  change('the name of an active node', [add('/name', 'web')], given('active')),
  port('the address of a port of an active node', [replace('/address', '52:54:00:00:00:02')], given('active')),
  port('the same address of a port of an active node', [replace('/address', '52:54:00:00:00:01')], given('active')),
  port('the address of a port of an active node in maintenance', [replace('/address', '52:54:00:00:00:02')], {
    ...given('active', { maintenance: true }),
  }),
  port('the address of a port of an available node', [replace('/address', '52:54:00:00:00:02')], given('available')),
  port('pxe_enabled of a port of an active node', [replace('/pxe_enabled', false)], given('active')),
  port('pxe_enabled of a port of an available node', [replace('/pxe_enabled', false)], given('available')),
  port('pxe_enabled of a port of a managed node', [replace('/pxe_enabled', false)], given('manageable')),
  port('physical_network of a port of an available node', [add('/physical_network', 'one')], given('available')),
  port('extra of a port of an active node', [add('/extra/a', 1)], given('active')),
  {
    name: 'lifecycle: a removed port of an active node',
    given: { state: 'active', port: {} },
    ask: { method: 'DELETE', path: '/ports/$PORT' },
  },
];
