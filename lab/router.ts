/**
 * The router of the provisioning network. It provides no route out; it only answers IPv6 router solicitations, because
 * iPXE configures IPv4 and IPv6 together and would wait 16 s for an answer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { provisioningNetwork } from './rack-plan.ts';

/** Must run inside the namespace. The router exits with this process. */
export function startRouter(): ChildProcess {
  const { interface: bridge, ipv6 } = provisioningNetwork;
  const child = spawn(
    'setpriv',
    [
      // A dnsmasq that changes user or group loses its parent-death signal.
      ...[
        '--pdeathsig',
        'KILL',
        'dnsmasq',
        '--keep-in-foreground',
        '--user=root',
        '--group=root',
        '--conf-file=/dev/null',
        '--pid-file=',
      ],
      ...['--port=0', `--interface=${bridge}`, '--bind-interfaces', '--dhcp-leasefile=/dev/null', '--log-facility=-'],
      // A lifetime of 0: machines learn the prefix, but no default route.
      ...['--enable-ra', `--dhcp-range=${ipv6.replace(/1$/, '')},ra-only,64,1h`, `--ra-param=${bridge},60,0`],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  child.on('error', (error) => console.error(`the router did not start: ${error.message}`));
  return child;
}
