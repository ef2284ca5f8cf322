/** What firmware asks for over HTTP: the script of a MAC, and the files it names. It has no secret to show: its address counts. */
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ethernetForm } from '#agent-protocol/infiniband.ts';
import { Fault } from '#domain/faults.ts';
import { formatRequester, isMachine, type Requester } from '#domain/requesters.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import { type HttpParts, reportsOf, requesterOf } from './http-requests.ts';
import { sendFile } from './send-file.ts';

/** UEFI HTTP boot asks by HEAD for the size of what it is about to load. */
const fileMethods = ['GET', 'HEAD'];

export function bootRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.get<{ Params: { mac: string } }>('/boot/ipxe/:mac', async (request, reply) => {
    const mac = ethernetForm(request.params.mac.toLowerCase().replaceAll('-', ':'));
    const subject = `/boot/ipxe/${mac.slice(0, 20)}`;
    const plan = parts.plans.ofMac(mac);
    const requester = await expectMachine(parts, { request, plan, subject });
    if (plan?.spent) reportSpentPlan(parts, { mac, requester, subject });
    const script = plan?.ipxe_script;
    if (script === undefined) throw new Fault('notFound', { what: 'Boot script of', id: mac.slice(0, 20) });
    const message = `fetched its boot script over HTTP: ${script.length} bytes`;
    parts.report({
      kind: 'http',
      mac,
      address: requester.address,
      subject,
      message,
      duration_ms: Math.round(reply.elapsedTime),
      data: { bytes: script.length },
    });
    return reply.type('text/plain; charset=utf-8').send(script);
  });

  /** Where the script of a machine with a system of its own ends: nothing started from the disk. */
  app.get<{ Params: { mac: string } }>('/boot/disk-failed/:mac', async (request, reply) => {
    const mac = ethernetForm(request.params.mac.toLowerCase().replaceAll('-', ':'));
    const subject = `/boot/disk-failed/${mac.slice(0, 20)}`;
    const plan = parts.plans.ofMac(mac);
    const requester = await expectMachine(parts, { request, plan, subject });
    if (!plan) throw new Fault('notFound', { what: 'Boot plan of', id: mac.slice(0, 20) });
    const message = 'tells that its first disk has nothing to start';
    parts.report({ kind: 'http', mac, address: requester.address, subject: 'disk failed', message });
    return reply.type('text/plain; charset=utf-8').send('noted\n');
  });

  /** For UEFI HTTP boot; with TFTP the same file comes from the other server. */
  app.route({
    method: fileMethods,
    url: '/boot/firmware/snponly.efi',
    handler: (request, reply) =>
      sendFile(request, reply, {
        path: join(parts.tftpRoot, 'snponly.efi'),
        ...reportsOf(parts, request, { subject: '/boot/firmware/snponly.efi' }),
      }),
  });

  app.route<{ Params: { folder: string; name: string } }>({
    method: fileMethods,
    url: '/boot/files/:folder/:name',
    handler: (request, reply) => sendBootFile(parts, request, reply),
  });
}

type FileRequest = FastifyRequest<{ Params: { folder: string; name: string } }>;

/** Only what a live plan names, since the names become a path; and to its machine, since a kernel may be a tenant's own. */
async function sendBootFile(parts: HttpParts, request: FileRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { folder, name } = request.params;
  const plan = parts.plans.withFile(folder, name);
  if (!plan) throw new Fault('notFound', { what: 'Boot file', id: `${folder}/${name}` });
  const subject = `/boot/files/${folder}/${name}`;
  const requester = await expectMachine(parts, { request, plan, subject });
  return sendFile(request, reply, {
    path: join(parts.tftpRoot, folder, name),
    ...reportsOf(parts, request, { subject, mac: requester.macs[0] }),
  });
}

type CallOptions = { request: FastifyRequest; plan: BootPlan | undefined; subject: string };

/** A script holds the token of a deployment. Others are told what they would be told of a machine that is not there. */
async function expectMachine(parts: HttpParts, { request, plan, subject }: CallOptions): Promise<Requester> {
  const requester = await requesterOf(parts, request);
  if (
    !plan ||
    isMachine(
      requester,
      plan.macs.map((entry) => entry.mac),
    )
  )
    return requester;
  const [first] = plan.macs;
  parts.report({
    kind: 'http',
    ...(first && { mac: first.mac }),
    isStranger: true,
    subject: 'stranger',
    message: `Another machine at ${formatRequester(requester)} asked for ${subject}; it was refused`,
    address: requester.address,
  });
  throw new Fault('notFound', { what: 'Resource', id: subject });
}

/** Firmware reads a script as often as it likes until the ramdisk runs; after that nobody has a reason to. */
function reportSpentPlan(
  { report }: HttpParts,
  { mac, requester, subject }: { mac: string; requester: Requester; subject: string },
): void {
  report({
    kind: 'http',
    mac,
    address: requester.address,
    subject,
    message: `asked for its boot script again from ${formatRequester(requester)} after its ramdisk had reported: the machine restarted by itself, or another one uses its address; it was refused`,
  });
}
