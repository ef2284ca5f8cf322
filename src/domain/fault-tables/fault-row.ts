export type FaultRow = {
  readonly status: number;
  readonly by: 'caller' | 'hardware' | 'site' | 'ingot';
  readonly message: string;
  readonly hint?: string;
};
