/** Findings of a benchmark, as data. Rates and ratios are computed only here, so that table and JSON agree. Pure. */
import type { Phases } from '#demo/phases.ts';
import { type Chain, type ChainName, chainNames, chainTable } from './chains.ts';
import type { ImageWrite } from './image-write.ts';
import type { Measured } from './measure-deploy.ts';
import type { PeerWay, PeerWrite } from './peer-report.ts';

export type Findings = {
  started: string;
  /** Name and value, such as `qemu: 7.2.22`. */
  host: Record<string, string>;
  /** Bytes: size of the image's disk, and its non-zero bytes. */
  images: Record<Chain['image'], { dataBytes: number }>;
  /** Bytes of memory: when it serves, when it is idle with nodes and images, after the deployments. */
  rest: { started: number; idle: number; afterwards: number };
  peer: { writes: readonly PeerWrite[]; others: number };
  alone: Record<ChainName, Deployed & Measured>;
  together?: Measured & { deployed: Record<ChainName, Deployed> };
};

export type Deployed = { phases: Phases; write?: ImageWrite | undefined };

/** Megabytes (10^6) of data per second: holes do not count, so they do not inflate the rate. */
export type Rates = { mbPerSecond: number; peer: Record<PeerWay, { mbPerSecond: number; ratio: number } | undefined> };

/** A ratio above 1 means that Ingot is faster than the peer. Undefined if no write was seen. */
export function ratesOf(findings: Findings, chain: ChainName, { write }: Deployed): Rates | undefined {
  if (!write || write.seconds <= 0) return undefined;
  const mbPerSecond = findings.images[chainTable[chain].image].dataBytes / 1e6 / write.seconds;
  const against = (way: PeerWay) => {
    const found = findings.peer.writes.find((candidate) => candidate.way === way);
    if (!found) return undefined;
    const peerRate = findings.images['whole-disk'].dataBytes / 1e6 / found.seconds;
    return { mbPerSecond: peerRate, ratio: mbPerSecond / peerRate };
  };
  return { mbPerSecond, peer: { plain: against('plain'), sparse: against('sparse') } };
}

/** Findings with the derived values. */
export function reportOf(findings: Findings) {
  const rates = (deployed: Record<ChainName, Deployed>) =>
    Object.fromEntries(chainNames.map((chain) => [chain, ratesOf(findings, chain, deployed[chain])]));
  const { together } = findings;
  return { ...findings, rates: { alone: rates(findings.alone), ...(together && { together: rates(together.deployed) }) } };
}
