import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Identity of this agent, for a server that binds an operation to one agent. Init restarts a crashed agent, which must
 * keep its identity; a rebooted machine, whose memory is lost, must not.
 * @param token of the kernel line: an identity stored for another token is not used
 */
export function ownInstance(stateFile: string | undefined, token: string): string {
  const of = createHash('sha256').update(token).digest('hex');
  const kept = stateFile && readKept(stateFile);
  if (kept && kept.of === of) return kept.instance;
  const instance = randomBytes(32).toString('base64url');
  if (stateFile) writeFileSync(stateFile, JSON.stringify({ of, instance }), { mode: 0o600 });
  return instance;
}

function readKept(stateFile: string): { of: string; instance: string } | undefined {
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8'));
  } catch {
    return undefined;
  }
}
