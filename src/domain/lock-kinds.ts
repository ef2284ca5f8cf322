/** What a lock of a node forbids (docs/decisions/0041-locks.md). */
export const lockKinds = ['power', 'deploy', 'all'] as const;
export type LockKind = (typeof lockKinds)[number];
