/** `ingot console`: a machine's serial console in this terminal. */
import { converse } from './console-terminal.ts';
import { parseOptions } from './options.ts';

const usage = `Usage: ingot console NODE | ingot console --server SERVER

Opens the serial console of a node (for administrators; it is enabled and recorded from then on) or of one's own server,
by name or id. Credentials come from the environment: eval "$(ingot openrc)"
Enter ~. at the beginning of a line to leave (~~ for a ~ there); the end of the input leaves as well.
`;

export async function runConsoleCommand(args: string[]): Promise<number> {
  const { flags, positionals, isHelp } = parseOptions(args, { valueNames: ['server'] });
  const [node] = positionals;
  const isClear = (node !== undefined) !== (flags['server'] !== undefined) && positionals.length <= 1;
  if (isHelp || !isClear) {
    process[isHelp ? 'stdout' : 'stderr'].write(usage);
    return isHelp ? 0 : 2;
  }
  const cloud = await logIn(process.env);
  const url = node === undefined ? await serverConsole(cloud, flags['server'] ?? '') : await nodeConsole(cloud, node);
  return converse(url, process);
}

/** Sends a request to an API of the cloud; throws on an error response. */
type Cloud = (service: string, path: string, body?: { method: string; json: object }) => Promise<Record<string, unknown>>;

async function logIn(env: NodeJS.ProcessEnv): Promise<Cloud> {
  const { OS_AUTH_URL: at, OS_USERNAME: name, OS_PASSWORD: password, OS_PROJECT_NAME: project } = env;
  if (!at || !name || !password) throw new Error('OS_AUTH_URL, OS_USERNAME and OS_PASSWORD are not set: eval "$(ingot openrc)"');
  const domain = { name: 'Default' };
  const identity = { methods: ['password'], password: { user: { name, domain, password } } };
  const auth = { identity, ...(project && { scope: { project: { name: project, domain } } }) };
  const reply = await fetch(`${at}/auth/tokens`, { method: 'POST', headers: jsonHeaders, body: JSON.stringify({ auth }) });
  const { token } = await readReply<{ token: { catalog: CatalogEntry[] } }>(reply);
  const headers = { ...jsonHeaders, 'x-auth-token': reply.headers.get('x-subject-token') ?? '' };
  return async (service, path, change) => {
    const endpoint = token.catalog.find(({ type }) => type === service)?.endpoints.find((each) => each.interface === 'public');
    if (!endpoint) throw new Error(`the cloud at ${at} has no ${service} service`);
    const request = change && { method: change.method, body: JSON.stringify(change.json) };
    return readReply(await fetch(`${endpoint.url.replace(/\/v1$/, '')}${path}`, { headers, ...request }));
  };
}

type CatalogEntry = { type: string; endpoints: { interface: string; url: string }[] };

const jsonHeaders = {
  'content-type': 'application/json',
  'x-openstack-ironic-api-version': '1.78',
  'openstack-api-version': 'compute 2.90',
};

async function readReply<T extends object>(reply: Response): Promise<T> {
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${new URL(reply.url).pathname}: ${reply.status} ${text.slice(0, 500)}`);
  return (text ? JSON.parse(text) : {}) as T;
}

async function nodeConsole(cloud: Cloud, node: string): Promise<string> {
  const path = `/v1/nodes/${encodeURIComponent(node)}/states/console`;
  await cloud('baremetal', path, { method: 'PUT', json: { enabled: true } });
  const { console_info } = (await cloud('baremetal', path)) as { console_info: { url: string } };
  return console_info.url;
}

async function serverConsole(cloud: Cloud, wanted: string): Promise<string> {
  const { servers } = (await cloud('compute', '/servers')) as { servers: { id: string; name: string }[] };
  const server = servers.find(({ id }) => id === wanted) ?? servers.find(({ name }) => name === wanted);
  if (!server) throw new Error(`there is no server '${wanted}' in this project`);
  const json = { remote_console: { protocol: 'serial', type: 'serial' } };
  const { remote_console } = await cloud('compute', `/servers/${server.id}/remote-consoles`, { method: 'POST', json });
  return (remote_console as { url: string }).url;
}
