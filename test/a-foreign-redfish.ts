/**
 * Third-party Redfish services as peers for tests. They run from copies beside the repo, named by environment
 * variables: `REFEREE_SUSHY_TOOLS` (openstack/sushy-tools) and `REFEREE_REDFISH_MOCKUP_SERVER`
 * (DMTF/Redfish-Mockup-Server).
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

const sushyTools = process.env['REFEREE_SUSHY_TOOLS'] ?? '';
const mockupServer = process.env['REFEREE_REDFISH_MOCKUP_SERVER'] ?? '';

/** The reason to skip, or false. */
export const withoutSushyTools = existsSync(join(sushyTools, 'sushy_tools', 'emulator', 'main.py'))
  ? false
  : 'REFEREE_SUSHY_TOOLS names no copy of sushy-tools';
export const withoutMockupServer = existsSync(join(mockupServer, 'redfishMockupServer.py'))
  ? false
  : 'REFEREE_REDFISH_MOCKUP_SERVER names no copy of the Redfish mockup server';

export const sushySystems = ['27946b59-9e44-4fa7-8e91-f3527a1ef094', 'c0ffee00-0000-4000-8000-000000000002'] as const;

/** Starts the emulator with two machines in memory. @returns its URL */
export function startSushyEmulator(t: TestContext): Promise<string> {
  return start(t, sushyTools, ['-c', emulator, ...sushySystems]);
}

/** @param mockup folder of the mockup; default: the server's own. @returns its URL */
export function startMockupServer(t: TestContext, mockup: string = join(mockupServer, 'public-rackmount1')): Promise<string> {
  return start(t, mockupServer, ['-c', replay, mockup]);
}

/** Resolves when the program has printed `port N`. */
async function start(t: TestContext, folder: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, PYTHONPATH: folder, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'python3', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<string>((resolve) => {
    const words: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => void words.push(chunk));
    child.once('close', () => resolve(Buffer.concat(words).toString().slice(-1000)));
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const listening = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const port = /^port (\d+)$/.exec(line)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
  });
  return Promise.race([listening, ended.then((words) => Promise.reject(new Error(`it ended: ${words}`)))]);
}

/**
 * The emulator's fake machines lack the BIOS settings and versions of its libvirt machines: these keep both in memory.
 * Its modules for authentication and database retries may be missing, since neither is used.
 */
const emulator = `
import sys, types
for name in ('bcrypt', 'webob', 'tenacity'):
    try:
        __import__(name)
    except ImportError:
        module = types.ModuleType(name)
        for helper in ('retry_if_exception_type', 'wait_exponential', 'stop_after_delay'):
            setattr(module, helper, lambda *args, **more: None)
        module.retry = lambda *args, **more: lambda function: function
        sys.modules[name] = module
from werkzeug.serving import make_server
from sushy_tools.emulator import main
from sushy_tools.emulator.resources.systems import fakedriver

defaults = {'BootMode': 'Uefi', 'EmbeddedSata': 'Raid', 'L2Cache': '10x256 KB', 'NicBoot1': 'NetworkBoot',
            'NumCores': '10', 'QuietBoot': 'true', 'ProcTurboMode': 'Enabled', 'SecureBootStatus': 'Enabled',
            'SerialNumber': 'QPX12345', 'SysPassword': ''}

class Driver(fakedriver.FakeDriver):
    def get_bios(self, identity):
        return dict(self._get(identity).get('bios', defaults))
    def set_bios(self, identity, attributes):
        self._update(identity, bios={**self.get_bios(identity), **attributes})
    def reset_bios(self, identity):
        self._update(identity, bios=defaults)
    def get_versions(self, identity):
        return dict(self._get(identity).get('versions', {'BiosVersion': '1.0.0'}))
    def set_versions(self, identity, versions):
        self._update(identity, versions=versions)

fakedriver.FakeDriver = Driver
main.app.configure(extra_config={
    'SUSHY_EMULATOR_FAKE_DRIVER': True,
    'SUSHY_EMULATOR_NO_MEMOIZE': True,
    'SUSHY_EMULATOR_FAKE_SYSTEMS': [
        {'uuid': uuid, 'name': 'machine%d' % number, 'power_state': 'Off', 'nics': []}
        for number, uuid in enumerate(sys.argv[1:])
    ],
})
server = make_server('127.0.0.1', 0, main.app)
print('port %d' % server.port)
server.serve_forever()
`;

/** Its module for sending events may be missing, since none are sent. */
const replay = `
import sys, types
try:
    import grequests
except ImportError:
    sys.modules['grequests'] = types.ModuleType('grequests')
import redfishMockupServer as mockup
class Server(mockup.HTTPServer):
    def __init__(self, *args):
        super().__init__(*args)
        print('port %d' % self.server_port)
mockup.HTTPServer = Server
sys.argv = ['redfishMockupServer.py', '-H', '127.0.0.1', '-p', '0', '-S', '-D', sys.argv[1]]
mockup.main()
`;
