/** One deployment by a chain, from the create request to the SSH login, and its resource usage. */
import type { CloudEvent } from '#demo/cloud-client.ts';
import type { LabCloud } from '#demo/lab-cloud.ts';
import * as job from '#demo/main-job.ts';
import { type Phases, readPhases } from '#demo/phases.ts';
import { keyName, networkName, type PreparedCloud } from '#demo/prepare-cloud.ts';
import { BystanderMeter } from './bystanders.ts';
import { type ChainName, chainTable } from './chains.ts';
import { type ImageWrite, readImageWrite } from './image-write.ts';
import { type Consumption, ProcessMeter } from './process-meter.ts';

const sshMaxWaitMs = 600_000;

export type DeployOptions = {
  prepared: PreparedCloud;
  chain: ChainName;
  show: (event: CloudEvent) => void;
  signal: AbortSignal;
};

export type Deployment = { phases: Phases; write: ImageWrite | undefined };

/** Throws the server's fault when the machine does not become reachable by SSH. */
export async function deploy(lab: LabCloud, { prepared, chain, show, signal }: DeployOptions): Promise<Deployment> {
  const name = `bench-${chain.toLowerCase()}`;
  const { imageIds, flavorIds, networkId } = prepared;
  const imageId = imageIds[chainTable[chain].image];
  const id = await job.createServer(lab.cloud, { name, imageId, flavorId: flavorIds.bios, networkId, keyName });
  const { events, server } = await job.followServer(lab.cloud, id, show);
  if (server.status !== 'ACTIVE') {
    const { message = 'no fault was recorded', details = '' } = server.fault ?? {};
    throw new Error(`chain ${chain}: the server is in ${server.status}: ${message} ${details}`.trim());
  }
  const address = server.addresses[networkName]?.[0]?.addr ?? '';
  const hostname = (await job.runBySsh({ ...lab.ssh(address), signal }, 'hostname', sshMaxWaitMs)).trim();
  if (hostname !== name) throw new Error(`chain ${chain}: ${address} calls itself ${hostname}, not ${name}`);
  return { phases: readPhases(events, new Date()), write: readImageWrite(events) };
}

/** Ingot's usage meanwhile, and the share of processor time that other programs used. */
export type Measured = { use: Consumption; others: number };

export async function measured<T>(lab: LabCloud, work: () => Promise<T>): Promise<Measured & { result: T }> {
  const pid = pidOf(lab);
  const bystanders = new BystanderMeter(lab.rack.record.namespace);
  const meter = new ProcessMeter(pid);
  const result = await work();
  return { result, use: meter.end(), others: bystanders.end() };
}

export function pidOf({ ingot }: LabCloud): number {
  if (ingot.pid === undefined) throw new Error(`Ingot has ended; ${ingot.logFile} may say why`);
  return ingot.pid;
}
