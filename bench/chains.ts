/** The two ways to a server, as both demo and benchmark have them: the image decides. */
export const chainNames = ['A', 'B'] as const;
export type ChainName = (typeof chainNames)[number];
export type Chain = { readonly label: string; readonly image: 'partition' | 'whole-disk' };

export const chainTable: Readonly<Record<ChainName, Chain>> = {
  A: { label: 'iSCSI over PXE', image: 'partition' },
  B: { label: 'direct over iPXE', image: 'whole-disk' },
};
