/** A real iSCSI target (tgtd) on loopback with one file as its disk and one account. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

export type TargetOptions = { file: string; iqn: string; user: string; password: string; thin?: boolean };
export type Target = { port: number; close(): Promise<void> };

export async function anIscsiTarget({ file, iqn, user, password, thin = false }: TargetOptions): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-tgt-'));
  const port = await freePort();
  // tgtd names its control socket by this number; the folder separates targets.
  const control = ['-C', '1'];
  const env = { ...process.env, TGT_IPC_SOCKET: join(folder, 'control') };
  const daemon = spawn('tgtd', ['-f', ...control, '--iscsi', `portal=127.0.0.1:${port}`], { env, stdio: 'ignore' });
  const gone = once(daemon, 'exit');
  const admin = (...args: string[]) => run('tgtadm', [...control, '--lld', 'iscsi', ...args], { env });
  try {
    await answering(() => admin('--mode', 'sys', '--op', 'show'));
    await admin('--mode', 'target', '--op', 'new', '--tid', '1', '-T', iqn);
    await admin('--mode', 'logicalunit', '--op', 'new', '--tid', '1', '--lun', '1', '-b', file);
    if (thin)
      await admin('--mode', 'logicalunit', '--op', 'update', '--tid', '1', '--lun', '1', '--params', 'thin_provisioning=1');
    await admin('--mode', 'account', '--op', 'new', '--user', user, '--password', password);
    await admin('--mode', 'account', '--op', 'bind', '--tid', '1', '--user', user);
    await admin('--mode', 'target', '--op', 'bind', '--tid', '1', '-I', '127.0.0.1');
  } catch (error) {
    daemon.kill('SIGKILL');
    throw error;
  }
  return {
    port,
    async close() {
      daemon.kill('SIGKILL');
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** tgtd does not signal readiness: poll until it responds. */
async function answering(ask: () => Promise<unknown>): Promise<void> {
  for (let left = 500; ; left--) {
    try {
      await ask();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
