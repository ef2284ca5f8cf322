/** The two deployment chains, as demo and benchmark use them: the image determines the chain. */
export const chainNames = ['A', 'B'] as const;
export type ChainName = (typeof chainNames)[number];
export type Chain = { readonly label: string; readonly image: 'partition' | 'whole-disk' };

export const chainTable: Readonly<Record<ChainName, Chain>> = {
  A: { label: 'iSCSI over PXE', image: 'partition' },
  B: { label: 'direct over iPXE', image: 'whole-disk' },
};
